// Written by scripts/gen-tokens.mjs from tokens.json. Change that file, then run `npm run gen`.
export const colors = {
  dark: {
    surface: {
      base: '#0A0D12',
      s1: '#11161D',
      s2: '#19202A',
      s3: '#232C38',
      inset: '#070A0E',
      scrim: 'rgba(4,6,9,0.66)',
    },
    line: {
      subtle: '#1D2530',
      strong: '#2E3947',
      control: '#66758A',
      focus: '#8AB0FF',
    },
    text: {
      primary: '#EFF3F8',
      secondary: '#ABB6C5',
      tertiary: '#8D99AA',
      disabled: '#5E6A7A',
      onAccent: '#081022',
      onFill: '#081022',
    },
    accent: {
      base: '#8AB0FF',
      fill: '#8AB0FF',
      pressed: '#A9C5FF',
      tint: '#16233C',
      line: '#3A5689',
    },
    up: {
      base: '#34CEC4',
      fill: '#1FA49E',
      tint: '#0D292B',
      flash: '#14494A',
    },
    down: {
      base: '#FF8F6B',
      fill: '#DE6C48',
      tint: '#331E19',
      flash: '#5A2E22',
    },
    flat: {
      base: '#ABB6C5',
    },
    warning: {
      base: '#F3C14B',
      tint: '#2C2412',
      line: '#6B5620',
    },
    danger: {
      base: '#FF7D86',
      fill: '#FF7D86',
      tint: '#331A20',
      line: '#7A3540',
    },
    stale: {
      base: '#B3A58F',
      tint: '#211E1A',
      line: '#4C4538',
    },
    simulated: {
      base: '#C6A8FF',
      tint: '#231C35',
      line: '#5B4A86',
    },
    fresh: {
      live: '#8AB0FF',
      delayed: '#F3C14B',
      stale: '#B3A58F',
      modelled: '#5CC8F2',
      replay: '#C6A8FF',
      off: '#8D99AA',
    },
    chain: {
      itm: '#141C27',
      atmLine: '#EFF3F8',
      band: '#16233C',
      bandEdge: '#5B84D8',
      strike: '#11161D',
      held: '#EFF3F8',
    },
    chart: {
      grid: '#1D2530',
      axis: '#8D99AA',
      crosshair: '#ABB6C5',
      series: [
        '#8AB0FF',
        '#F3C14B',
        '#C6A8FF',
        '#5CC8F2',
        '#F58FC0',
        '#B9D96A',
        '#DDB48C',
        '#9AA8BA',
      ],
    },
    heat: {
      diverging: [
        '#FF8F6B',
        '#D0694A',
        '#964C38',
        '#573329',
        '#222A35',
        '#163E43',
        '#176463',
        '#209893',
        '#34CEC4',
      ],
      sequential: [
        '#121A27',
        '#192944',
        '#213A63',
        '#2B4D84',
        '#3A63A6',
        '#5079C4',
        '#6B93DF',
        '#8AB0FF',
        '#C4D8FF',
      ],
    },
  },
  light: {
    surface: {
      base: '#F3F5F8',
      s1: '#FFFFFF',
      s2: '#F3F5F8',
      s3: '#E8ECF2',
      inset: '#EBEFF4',
      scrim: 'rgba(15,22,35,0.44)',
    },
    line: {
      subtle: '#E2E7EE',
      strong: '#CAD2DD',
      control: '#77859A',
      focus: '#2A59CF',
    },
    text: {
      primary: '#0D1522',
      secondary: '#465366',
      tertiary: '#58667A',
      disabled: '#96A1B1',
      onAccent: '#FFFFFF',
      onFill: '#FFFFFF',
    },
    accent: {
      base: '#2A59CF',
      fill: '#2A59CF',
      pressed: '#2149AE',
      tint: '#E8EFFD',
      line: '#A9C0F3',
    },
    up: {
      base: '#006968',
      fill: '#128585',
      tint: '#DFF3F2',
      flash: '#B7E4E2',
    },
    down: {
      base: '#B03A0E',
      fill: '#CF5A2C',
      tint: '#FCEBE3',
      flash: '#FADACD',
    },
    flat: {
      base: '#465366',
    },
    warning: {
      base: '#7A5200',
      tint: '#FDF3DA',
      line: '#DDBB6A',
    },
    danger: {
      base: '#B4232F',
      fill: '#B4232F',
      tint: '#FDEBEC',
      line: '#E5A3A9',
    },
    stale: {
      base: '#675B46',
      tint: '#F3EFE6',
      line: '#CBBFA8',
    },
    simulated: {
      base: '#6236C4',
      tint: '#F1EBFD',
      line: '#C3AEF0',
    },
    fresh: {
      live: '#2A59CF',
      delayed: '#7A5200',
      stale: '#675B46',
      modelled: '#0B6B8F',
      replay: '#6236C4',
      off: '#58667A',
    },
    chain: {
      itm: '#EBF0F8',
      atmLine: '#0D1522',
      band: '#DFE8FB',
      bandEdge: '#4B73D6',
      strike: '#F6F8FB',
      held: '#0D1522',
    },
    chart: {
      grid: '#E2E7EE',
      axis: '#58667A',
      crosshair: '#465366',
      series: [
        '#2A59CF',
        '#9A6A00',
        '#7443D6',
        '#0B7398',
        '#B52E7C',
        '#557500',
        '#8A5A2B',
        '#5A6779',
      ],
    },
    heat: {
      diverging: [
        '#B03A0E',
        '#CF5A2C',
        '#E68F6B',
        '#F5CDBB',
        '#EEF1F5',
        '#BCE2E0',
        '#69B8B6',
        '#278E8D',
        '#006968',
      ],
      sequential: [
        '#F3F6FC',
        '#DFE8FB',
        '#C3D5F7',
        '#A1BCF0',
        '#7C9FE6',
        '#5A82DA',
        '#3F69D0',
        '#2A59CF',
        '#1B3E97',
      ],
    },
  },
} as const;

export const direction = {
  default: {
    label: 'Teal / orange (colour-blind safe)',
    dark: {
      up: '#34CEC4',
      down: '#FF8F6B',
    },
    light: {
      up: '#006968',
      down: '#B03A0E',
    },
  },
  classic: {
    label: 'Green / red',
    dark: {
      up: '#4CC77B',
      down: '#FF7D86',
    },
    light: {
      up: '#17693A',
      down: '#B4232F',
    },
  },
  blueOrange: {
    label: 'Blue / orange (tritan safe)',
    dark: {
      up: '#6FB4FF',
      down: '#FFA14A',
    },
    light: {
      up: '#1257B8',
      down: '#9C4A00',
    },
  },
} as const;

export const type = {
  display: {
    numeric: true,
    size: 40,
    line: 44,
    weight: 600,
    tracking: -1.2,
  },
  hero: {
    numeric: true,
    size: 30,
    line: 36,
    weight: 600,
    tracking: -0.7,
  },
  title1: {
    numeric: false,
    size: 24,
    line: 30,
    weight: 700,
    tracking: -0.5,
  },
  title2: {
    numeric: false,
    size: 19,
    line: 24,
    weight: 600,
    tracking: -0.3,
  },
  title3: {
    numeric: false,
    size: 16,
    line: 22,
    weight: 600,
    tracking: -0.2,
  },
  body: {
    numeric: false,
    size: 15,
    line: 21,
    weight: 400,
    tracking: -0.1,
  },
  bodyStrong: {
    numeric: false,
    size: 15,
    line: 21,
    weight: 600,
    tracking: -0.1,
  },
  num: {
    numeric: true,
    size: 15,
    line: 20,
    weight: 500,
    tracking: -0.1,
  },
  numDense: {
    numeric: true,
    size: 13,
    line: 16,
    weight: 500,
    tracking: -0.1,
  },
  label: {
    numeric: false,
    size: 13,
    line: 18,
    weight: 500,
    tracking: 0,
  },
  caption: {
    numeric: false,
    size: 12,
    line: 16,
    weight: 500,
    tracking: 0,
  },
  micro: {
    numeric: true,
    size: 11,
    line: 14,
    weight: 600,
    tracking: 0.2,
  },
} as const;

export const space = {
  s0: 0,
  s1: 4,
  s2: 8,
  s3: 12,
  s4: 16,
  s5: 20,
  s6: 24,
  s8: 32,
  s10: 40,
  s12: 48,
  gutterPhone: 16,
  gutterTablet: 24,
  gutterDesktop: 24,
} as const;

export const radius = {
  xs: 4,
  sm: 8,
  md: 12,
  lg: 16,
  xl: 22,
  pill: 999,
} as const;

export const border = {
  hairline: 0.5,
  thin: 1,
  focus: 2,
} as const;

export const elevation = {
  dark: {
    e0: 'none',
    e1: 'inset 0 0 0 1px #1D2530',
    e2: '0 8px 24px rgba(0,0,0,0.44), inset 0 0 0 1px #2E3947',
    e3: '0 20px 48px rgba(0,0,0,0.60), inset 0 0 0 1px #2E3947',
  },
  light: {
    e0: 'none',
    e1: '0 0 0 1px #E2E7EE',
    e2: '0 6px 20px rgba(16,26,46,0.10), 0 0 0 1px #E2E7EE',
    e3: '0 18px 44px rgba(16,26,46,0.18), 0 0 0 1px #E2E7EE',
  },
} as const;

export const motion = {
  instant: 0,
  flash: 280,
  tap: 90,
  quick: 150,
  base: 220,
  sheet: 320,
  chartMorph: 260,
  skeleton: 1400,
  easing: {
    standard: [0.2, 0, 0, 1],
    enter: [0.05, 0.7, 0.1, 1],
    exit: [0.3, 0, 0.8, 0.15],
    linear: [0, 0, 1, 1],
  },
} as const;

export const touch = {
  min: 44,
  comfortable: 48,
  row: {
    single: 48,
    double: 60,
    dense: 44,
  },
  icon: {
    sm: 16,
    md: 20,
    lg: 24,
    stroke: 1.75,
  },
  hitSlop: 8,
  dragHandle: 48,
  thumbZoneFromBottom: 340,
} as const;

export const breakpoints = {
  phone: 0,
  phoneLandscape: 640,
  tablet: 768,
  desktop: 1120,
  wide: 1600,
} as const;

export const layout = {
  phone: {
    columns: 4,
    gutter: 12,
    margin: 16,
    tabBar: 50,
    header: 48,
  },
  tablet: {
    columns: 8,
    gutter: 16,
    margin: 24,
    rail: 72,
  },
  desktop: {
    columns: 12,
    gutter: 12,
    margin: 12,
    rail: 64,
    paneMin: 320,
  },
} as const;
