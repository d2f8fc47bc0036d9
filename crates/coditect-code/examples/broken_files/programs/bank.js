'use strict';

class Account {
  constructor(owner, { limit = 0, currency = 'EUR' } = {}) {
    this.owner = owner;
    this.limit = limit;
    this.currency = currency;
    this.moves = [];
  }

  get balance() {
    return this.moves.reduce((sum, move) => sum + move.amount, 0);
  }

  pay(amount, text) {
    if (typeof amount !== 'number' || amount <= 0) {
      throw new TypeError(`no amount: ${amount}`);
    }
    if (this.balance - amount < -this.limit) {
      return false;
    }
    this.moves.push({ amount: -amount, text: text || 'payment' });
    return true;
  }

  receive(amount, text = "receipt") {
    this.moves.push({ amount, text });
    return this;
  }

  *search(pattern) {
    for (const move of this.moves) {
      if (pattern.test(move.text)) {
        yield move;
      }
    }
  }
}

function statement(account, width = 20) {
  const lines = [];
  for (let i = 0; i < account.moves.length; i++) {
    const { amount, text } = account.moves[i];
    const sign = amount < 0 ? '-' : '+';
    lines.push(text.padEnd(width, '.') + sign + Math.abs(amount).toFixed(2));
  }
  switch (lines.length) {
    case 0:
      lines.push('nothing');
      break;
    case 1:
      lines.push('one move');
      break;
    default:
      lines.push(`${lines.length} moves`);
  }
  return lines;
}

const totals = (accounts) => {
  const sums = new Map();
  accounts.forEach((account) => {
    const before = sums.get(account.currency) ?? 0;
    sums.set(account.currency, before + account.balance);
  });
  return Object.fromEntries([...sums].sort((a, b) => b[1] - a[1]));
};

function parse(text) {
  try {
    const { owner, moves } = JSON.parse(text);
    const account = new Account(owner, { limit: 100 });
    while (moves.length > 0) {
      const [amount, why] = moves.shift();
      if (amount < 0) {
        account.pay(-amount, why);
      } else {
        account.receive(amount, why);
      }
    }
    return account;
  } catch (error) {
    return null;
  }
}

module.exports = { Account, statement, totals, parse };
