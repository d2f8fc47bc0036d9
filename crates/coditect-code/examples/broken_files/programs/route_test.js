const assert = require('assert');
const { matches, router, parameters, retry } = require('./m.js');

assert.deepStrictEqual(matches('/a/:b', '/a/c%20d'), { b: 'c d' });
assert.strictEqual(matches('/a/:b', '/a'), null);
assert.strictEqual(matches('/a/:b', '/x/y'), null);
assert.deepStrictEqual(parameters('a=1+2&b&a=3'), { a: ['1 2', '3'], b: true });
assert.deepStrictEqual(parameters(''), {});
const r = router().on('GET', '/u/:id', (p) => p.id + p.x).on('POST', '/u/:id', () => 'made');
assert.deepStrictEqual(r.handle('GET', '/u/7?x=y'), { status: 200, body: '7y' });
assert.deepStrictEqual(r.handle('POST', '/u/7'), { status: 200, body: 'made' });
assert.deepStrictEqual(r.handle('DELETE', '/u/7'), { status: 405, body: 'GET, POST' });
assert.deepStrictEqual(r.handle('GET', '/v'), { status: 404, body: '' });
assert.throws(() => r.on('PUT', '/', null), /unknown method: PUT/);
assert.strictEqual(retry(3, (n) => { if (n > 1) throw new Error('x'); return n; }), 1);
assert.throws(() => retry(2, () => { throw new Error('no'); }), /no/);
