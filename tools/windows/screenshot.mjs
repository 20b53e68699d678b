// Turns the picture of an X display, as Xvfb keeps it in a file (XWD), into PNG: node screenshot.mjs IN OUT LEAST
//
// Fails where the picture has fewer than LEAST colors: then nothing is drawn yet.
import { readFileSync, writeFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';

const [from, to, least] = process.argv.slice(2);
const xwd = readFileSync(from);
// The header's fields that matter, as 32-bit numbers: its size, width, height, order of bytes, bytes a line, colormap entries.
const field = (index) => xwd.readUInt32BE(4 * index);
const [header, width, height, bytesPerLine, entries] = [0, 4, 5, 12, 19].map(field);
if (field(11) !== 32 || field(7) !== 0) throw new Error(`${from}: expected 32 bits a pixel, the lowest byte first`);
const first = header + 12 * entries;
const colors = new Set();
const lines = Buffer.alloc(height * (1 + 3 * width));
for (let y = 0; y < height; y += 1) {
  for (let x = 0; x < width; x += 1) {
    const at = first + y * bytesPerLine + 4 * x;
    const out = y * (1 + 3 * width) + 1 + 3 * x;
    for (const channel of [0, 1, 2]) lines[out + channel] = xwd[at + 2 - channel];
    colors.add(lines.readUIntBE(out, 3));
  }
}

/** The check sum of PNG's chunks; older versions of Node have none. */
function crc32(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}

function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind), data]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([size, body, sum]);
}

const head = Buffer.alloc(13);
head.writeUInt32BE(width, 0);
head.writeUInt32BE(height, 4);
head.set([8, 2, 0, 0, 0], 8);
const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const parts = [signature, chunk('IHDR', head), chunk('IDAT', deflateSync(lines)), chunk('IEND', Buffer.alloc(0))];
writeFileSync(to, Buffer.concat(parts));
console.error(`${to}: ${width} x ${height} pixels in ${colors.size} colors`);
process.exit(colors.size >= Number(least) ? 0 : 1);
