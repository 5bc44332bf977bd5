/** Greeks of one contract as sentences in dollars, for one contract of 100 shares. Pure. */
import type { WordKey, WordValues } from '@/i18n/t';
import { fixed } from '@/lib/format';
import type { ContractTick } from '@/stream/protocol';

export const SHARES = 100;

export interface Sentence {
  name: WordKey;
  value: string;
  text: WordKey;
  values: WordValues;
}

function dollars(value: number): string {
  const size = Math.abs(value);
  return `$${size >= 10 ? fixed(size, 0) : fixed(size, 2)}`;
}

type Greeks = Pick<ContractTick, 'delta' | 'gamma' | 'theta' | 'vega' | 'rho'>;

function deltaLines({ delta, gamma }: Greeks, symbol: string): Sentence[] {
  if (delta === null) return [];
  const verb = delta >= 0 ? 'gains' : 'loses';
  const lines: Sentence[] = [
    {
      name: 'contract.name.delta',
      value: fixed(delta, 2),
      text: 'contract.delta.text',
      values: { symbol, verb, amount: dollars(delta * SHARES) },
    },
  ];
  if (gamma === null) return lines;
  const values = { delta: fixed(delta + gamma, 2) };
  lines.push({
    name: 'contract.name.gamma',
    value: fixed(gamma, 3),
    text: 'contract.gamma.text',
    values,
  });
  return lines;
}

/** One sentence for each Greek that exists; a missing Greek has no sentence, never a zero. */
export function sentencesOf(greeks: Greeks, symbol: string): Sentence[] {
  const lines = deltaLines(greeks, symbol);
  const { theta, vega, rho } = greeks;
  if (theta !== null) {
    lines.push({
      name: 'contract.name.theta',
      value: `${fixed(theta, 2)} /day`,
      text: theta <= 0 ? 'contract.theta.text' : 'contract.theta.gain',
      values: { amount: dollars(theta * SHARES) },
    });
  }
  if (vega !== null) {
    const values = { amount: dollars(vega * SHARES) };
    lines.push({
      name: 'contract.name.vega',
      value: `${fixed(vega, 2)} /pt`,
      text: 'contract.vega.text',
      values,
    });
  }
  if (rho !== null) {
    const values = { verb: rho >= 0 ? 'gains' : 'loses', amount: dollars(rho * SHARES) };
    lines.push({
      name: 'contract.name.rho',
      value: `${fixed(rho, 2)} /pt`,
      text: 'contract.rho.text',
      values,
    });
  }
  return lines;
}
