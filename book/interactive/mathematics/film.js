// The film of a training run, as book/film.py writes it: shares of attention as digits, one of 64 a number.

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
const VALUE = Object.fromEntries([...DIGITS].map((digit, k) => [digit, k / 63]));

/** The rows of a map, each with one share for each of `columns` places. */
export function decode(digits, columns) {
  const shares = Array.from(digits, (digit) => VALUE[digit]);
  return Array.from({ length: shares.length / columns }, (_, row) => shares.slice(row * columns, (row + 1) * columns));
}

/** The places of a row from the largest share down: [[place, share], ...]. */
export const ranked = (row) => row.map((share, place) => [place, share]).sort((a, b) => b[1] - a[1]);

/** How many of the characters that were wanted were said. */
export const rightOnes = (said, wanted) => [...said].filter((letter, i) => letter === wanted[i]).length;
