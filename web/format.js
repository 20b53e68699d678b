// Numbers for reading, as the command line prints them.

/** Four significant digits: 0.01234, 3.142, 12346, 1.235e7; a dash for what is absent. */
export function significant(value) {
  if (value === null || value === undefined) return '–';
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  if (!Number.isFinite(magnitude) || magnitude < 1e-4 || magnitude >= 1e6) {
    return value.toExponential(3).replace('e+', 'e');
  }
  const beforePoint = Math.floor(Math.log10(magnitude)) + 1;
  return value.toFixed(Math.max(0, 4 - beforePoint));
}

/** 12,345,678 */
export const count = (value) => value.toLocaleString('en-US');

/** 1.9 MiB, for a number of bytes. */
export const mebibytes = (bytes) => `${(bytes / 1048576).toFixed(1)} MiB`;

/** 3.4 s, 2 min 05 s. */
export function seconds(value) {
  if (value < 99.95) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}
