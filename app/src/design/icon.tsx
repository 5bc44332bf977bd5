/** Lucide icons at the sizes and stroke of the tokens. Import each icon from its own file. */
import type { ComponentType } from 'react';

import { toneColor, type Tone } from '@/design/text';
import { useTheme } from '@/design/theme';
import { touch } from '@/design/tokens';

export type IconShape = ComponentType<{
  size?: number | string;
  color?: string;
  strokeWidth?: number | string;
  fill?: string;
}>;

export interface IconProps {
  of: IconShape;
  size?: keyof Omit<typeof touch.icon, 'stroke'>;
  tone?: Tone;
  filled?: boolean;
}

export function Icon({ of: Shape, size = 'md', tone = 'secondary', filled = false }: IconProps) {
  const { c } = useTheme();
  const color = toneColor(c, tone);
  return (
    <Shape
      size={touch.icon[size]}
      color={color}
      strokeWidth={touch.icon.stroke}
      fill={filled ? color : 'none'}
    />
  );
}
