/** A failed request in words: what happened, what is safe, what to do. */
import { ErrorCard } from '@/design/message';
import { icons } from '@/design/icons';
import { t } from '@/i18n/t';

/** The part of an API failure this card can print. */
export interface FailureWords {
  kind: 'offline' | 'problem' | 'unreadable';
  detail?: string;
  nextStep?: string;
  code?: string;
  requestId?: string;
}

export interface FailureCardProps {
  failure: FailureWords;
  title?: string;
  onRetry?: () => void;
}

export function FailureCard({ failure, title, onRetry }: FailureCardProps) {
  const action = onRetry ? { title: t('action.retry'), onPress: onRetry } : undefined;
  if (failure.kind === 'problem') {
    return (
      <ErrorCard
        icon={icons.warning}
        title={title ?? failure.detail ?? ''}
        text={[title ? failure.detail : '', failure.nextStep].filter(Boolean).join(' ')}
        code={t('error.code', { code: failure.code ?? '' })}
        note={failure.requestId ? t('error.request', { id: failure.requestId }) : undefined}
        action={action}
      />
    );
  }
  const offline = failure.kind === 'offline';
  return (
    <ErrorCard
      icon={offline ? icons.unplug : icons.warning}
      title={t(offline ? 'error.offline.title' : 'error.unreadable.title')}
      text={t(offline ? 'error.offline.text' : 'error.unreadable.text')}
      action={action}
    />
  );
}
