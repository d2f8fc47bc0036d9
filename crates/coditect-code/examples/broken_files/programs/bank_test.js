const assert = require('assert');
const { Account, statement, totals, parse } = require('./m.js');

const a = new Account('Ann');
assert.deepStrictEqual(statement(a), ['nothing']);
assert.strictEqual(a.receive(10).balance, 10);
assert.deepStrictEqual(statement(a, 8), ['receipt.+10.00', 'one move']);
assert.strictEqual(a.pay(11), false);
assert.strictEqual(a.pay(4, 'tea'), true);
assert.throws(() => a.pay(0), /no amount: 0/);
assert.deepStrictEqual([...a.search(/t$/)].length, 1);
assert.deepStrictEqual([...a.search(/tea/)][0].amount, -4);
assert.strictEqual(statement(a)[2], '2 moves');
const b = parse('{"owner": "B", "moves": [[5, "x"], [-105, "y"], [-1, "z"]]}');
assert.strictEqual(b.balance, -100);
assert.strictEqual(parse('{'), null);
assert.deepStrictEqual(totals([b, a, new Account('C', { currency: 'USD' })]), { USD: 0, EUR: -94 });
