export interface Token {
  kind: 'number' | 'operator' | 'bracket';
  text: string;
}

export class Stack<T> {
  private readonly items: T[] = [];

  push(item: T): void {
    this.items.push(item);
  }

  pop(): T {
    const item = this.items.pop();
    if (item === undefined) {
      throw new Error('the stack is empty');
    }
    return item;
  }

  get size(): number {
    return this.items.length;
  }

  peek(): T | undefined {
    return this.items[this.items.length - 1];
  }
}

export function tokens(text: string): Token[] {
  const found: Token[] = [];
  for (const match of text.matchAll(/\d+|[-+*/]|[()]/g)) {
    const piece: string = match[0];
    if (/^\d/.test(piece)) {
      found.push({ kind: 'number', text: piece });
    } else {
      found.push({ kind: '()'.includes(piece) ? 'bracket' : 'operator', text: piece });
    }
  }
  return found;
}

const RANK: Record<string, number> = { '+': 1, '-': 1, '*': 2, '/': 2 };

function apply(operator: string, values: Stack<number>): void {
  const right = values.pop();
  const left = values.pop();
  switch (operator) {
    case '+':
      return values.push(left + right);
    case '-':
      return values.push(left - right);
    case '*':
      return values.push(left * right);
    default:
      return values.push(left / right);
  }
}

export function evaluate(text: string, names: Map<string, number> = new Map()): number {
  const values = new Stack<number>();
  const operators = new Stack<string>();
  for (const token of tokens(text)) {
    if (token.kind === 'number') {
      values.push(Number(token.text));
    } else if (token.text === '(') {
      operators.push(token.text);
    } else if (token.text === ')') {
      while (operators.peek() !== '(') {
        apply(operators.pop(), values);
      }
      operators.pop();
    } else {
      while (operators.size > 0 && (RANK[operators.peek()!] ?? 0) >= RANK[token.text]) {
        apply(operators.pop(), values);
      }
      operators.push(token.text);
    }
  }
  while (operators.size > 0) {
    apply(operators.pop(), values);
  }
  return values.pop() as number;
}

export async function all<K extends string>(jobs: Record<K, () => Promise<number>>): Promise<[K, number][]> {
  const done: [K, number][] = [];
  for (const name of Object.keys(jobs) as K[]) {
    done.push([name, await jobs[name]()]);
  }
  return done;
}
