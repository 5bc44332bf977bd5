/** A password or another secret, hidden until its owner wants to see it. */
import { useState } from 'react';

import { IconButton } from '@/design/button';
import { Field, type FieldProps } from '@/design/field';
import { icons } from '@/design/icons';
import { t } from '@/i18n/t';

const LENGTH_MAX = 256;

export type PasswordFieldProps = Pick<
  FieldProps,
  | 'label'
  | 'value'
  | 'onChange'
  | 'error'
  | 'help'
  | 'onSubmit'
  | 'autoFocus'
  | 'maxLength'
  | 'testID'
> & {
  fresh?: boolean;
  /** False for a secret of somebody else's: no browser and no phone is to keep it. */
  kept?: boolean;
};

export function PasswordField({ fresh = false, kept = true, ...props }: PasswordFieldProps) {
  const [shown, setShown] = useState(false);
  return (
    <Field
      {...props}
      secure={!shown}
      autoComplete={!kept ? 'off' : fresh ? 'new-password' : 'current-password'}
      maxLength={props.maxLength ?? LENGTH_MAX}
      trailing={
        <IconButton
          icon={shown ? icons.eyeOff : icons.eye}
          label={t(shown ? 'auth.password.hide' : 'auth.password.show')}
          onPress={() => setShown(!shown)}
        />
      }
    />
  );
}
