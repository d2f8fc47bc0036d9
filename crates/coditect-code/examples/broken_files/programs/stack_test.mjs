import assert from 'node:assert';
import { Stack, all, evaluate, tokens } from './m.mjs';

assert.strictEqual(evaluate('2*(3+4)-10/5'), 12);
assert.strictEqual(evaluate('8-3-2'), 3);
assert.deepStrictEqual(tokens('(7+')[0], { kind: 'bracket', text: '(' });
assert.deepStrictEqual(tokens('(7+')[2], { kind: 'operator', text: '+' });
assert.throws(() => new Stack().pop(), /the stack is empty/);
assert.strictEqual(new Stack().peek(), undefined);
assert.deepStrictEqual(await all({ a: async () => 1, b: async () => 2 }), [['a', 1], ['b', 2]]);
