import { useSignIn } from '@/features/auth/api';
import { AccountForm } from '@/features/auth/components/account-form';
import { AuthPage } from '@/features/auth/components/auth-page';
import { t } from '@/i18n/t';

export interface SignInScreenProps {
  onBack: () => void;
  onRegister: () => void;
}

export function SignInScreen({ onBack, onRegister }: SignInScreenProps) {
  const signIn = useSignIn();
  return (
    <AuthPage
      title={t('signin.title')}
      lead={t('signin.lead')}
      other={{ title: t('signin.other'), onPress: onRegister }}
      onBack={onBack}
    >
      <AccountForm
        registering={false}
        submitTitle={t('signin.submit')}
        onSubmit={({ email, password }) => signIn.mutateAsync({ email, password })}
      />
    </AuthPage>
  );
}
