// Compares the reports of two systems' programs, field by field: node same.mjs ONE.json OTHER.json
//
// What an adapter computes has to be the same to the bit. The effective rank is the exponential of an entropy, and
// logarithms and exponentials are those of each system's C library, which round their last bit differently.
import { readFileSync } from 'node:fs';

const [one, other] = process.argv.slice(2).map((name) => JSON.parse(readFileSync(name, 'utf8')));
/** How far an effective rank may be off, in relation to itself: 45 times what one rounding takes. */
const ROUNDED = 1e-14;
const isRank = (metric) => /^effective-rank/.test(metric?.id);
const findings = [];
let numbers = 0;

function compare(left, right, where, bar) {
  if (left !== null && right !== null && typeof left === 'object' && typeof right === 'object') {
    const names = new Set([...Object.keys(left), ...Object.keys(right)]);
    const within = isRank(left) && isRank(right) ? ROUNDED : bar;
    for (const name of names) compare(left[name], right[name], `${where}.${name}`, within);
    return;
  }
  if (typeof left === 'number') numbers += 1;
  const near = typeof left === 'number' && typeof right === 'number' && Math.abs(left - right) <= bar * Math.abs(right);
  if (left !== right && !near) findings.push(`${where.slice(1)}: ${left} and ${right}`);
}

// How long it took is nobody's to agree on.
delete one.timings;
delete other.timings;
compare(one, other, '', 0);
for (const finding of findings) console.error(finding);
console.error(`${numbers} numbers of a report, ${findings.length} of them different`);
process.exit(findings.length === 0 && numbers > 100 ? 0 : 1);
