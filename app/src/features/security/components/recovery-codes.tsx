/** Recovery codes, shown once: copied or saved, and left only after saying so. */
import { useState } from 'react';
import { StyleSheet } from 'react-native';

import { Box, Row } from '@/design/box';
import { Button } from '@/design/button';
import { Card } from '@/design/card';
import { icons } from '@/design/icons';
import { Notice } from '@/design/notice';
import { SwitchRow } from '@/design/setting-row';
import { Text } from '@/design/text';
import { recoveryFile } from '@/features/security/model';
import { t } from '@/i18n/t';
import { copyText } from '@/lib/clipboard';
import { saveFile } from '@/lib/save-file';

export interface RecoveryCodesProps {
  codes: readonly string[];
  email: string;
  onDone: () => void;
}

export function RecoveryCodesView({ codes, email, onDone }: RecoveryCodesProps) {
  const [kept, setKept] = useState(false);
  const [copied, setCopied] = useState<'yes' | 'no' | null>(null);
  const save = () =>
    void saveFile(
      'optix-recovery-codes.txt',
      recoveryFile(codes, email, t('codes.file')),
      'text/plain',
    );
  const copy = () =>
    void copyText(codes.join('\n')).then((worked) => setCopied(worked ? 'yes' : 'no'));
  return (
    <Box gap="s4" testID="recovery-codes">
      <Notice kind="warning" title={t('codes.once.title')} text={t('codes.once.text')} />
      <Card pad="s4" gap="s2">
        {codes.map((code, index) => (
          <Row key={code} gap="s3">
            <Text variant="label" tone="tertiary" numeric style={styles.number}>
              {index + 1}
            </Text>
            <Text variant="numDense" selectable testID="recovery-code-line">
              {code}
            </Text>
          </Row>
        ))}
      </Card>
      <Row gap="s3">
        <Button grow kind="outlined" icon={icons.copy} title={t('action.copy')} onPress={copy} />
        <Button
          grow
          kind="outlined"
          icon={icons.download}
          title={t('action.save')}
          onPress={save}
          testID="save-codes"
        />
      </Row>
      <Box live="polite">
        {copied ? (
          <Text variant="label" tone="secondary" align="center">
            {t(copied === 'yes' ? 'action.copied' : 'action.copy.refused')}
          </Text>
        ) : null}
      </Box>
      <Card>
        <SwitchRow
          last
          title={t('codes.kept')}
          text={t('codes.kept.text')}
          on={kept}
          onChange={setKept}
          testID="codes-kept"
        />
      </Card>
      <Button title={t('action.done')} onPress={onDone} disabled={!kept} testID="codes-done" />
    </Box>
  );
}

const styles = StyleSheet.create({ number: { width: 22, textAlign: 'right' } });
