import { useRegister } from '@/features/auth/api';
import { AccountForm } from '@/features/auth/components/account-form';
import { AuthPage } from '@/features/auth/components/auth-page';
import { t } from '@/i18n/t';

export interface RegisterScreenProps {
  onBack: () => void;
  onSignIn: () => void;
}

export function RegisterScreen({ onBack, onSignIn }: RegisterScreenProps) {
  const register = useRegister();
  return (
    <AuthPage
      title={t('register.title')}
      lead={t('register.lead')}
      other={{ title: t('register.other'), onPress: onSignIn }}
      onBack={onBack}
    >
      <AccountForm
        registering
        submitTitle={t('register.submit')}
        onSubmit={(values) => register.mutateAsync(values)}
      />
    </AuthPage>
  );
}
