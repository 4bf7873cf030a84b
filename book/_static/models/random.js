// NumPy's generator of random numbers, so that a seed draws here what it draws in companion.generation:
// numpy.random.default_rng(seed).random(). That is the generator PCG64 (O'Neill 2014, XSL-RR, 128 bits of state),
// seeded by a SeedSequence, a hash that spreads a seed over many bits.
(() => {
  "use strict";
  const BITS_64 = (1n << 64n) - 1n, BITS_128 = (1n << 128n) - 1n;
  const STEP = 0x2360ed051fc65da44385df649fccf645n;

  // Eight numbers of 32 bits from a seed below 2^32.
  function spread(seed) {
    let constant = 0x43b0d7e5;
    const hash = (value, factor) => {
      value ^= constant;
      constant = Math.imul(constant, factor);
      value = Math.imul(value, constant);
      return value ^ (value >>> 16);
    };
    const mix = (x, y) => {
      const value = Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y);
      return value ^ (value >>> 16);
    };
    const pool = [seed, 0, 0, 0].map((word) => hash(word, 0x931e8875));
    for (let from = 0; from < 4; from++)
      for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to], hash(pool[from], 0x931e8875));
    constant = 0x8b51f9dd;
    return Array.from({ length: 8 }, (_, n) => hash(pool[n % 4], 0x58f38ded) >>> 0);
  }

  // A function that gives the next number from 0 to 1.
  function generator(seed) {
    const [a, b, c, d, e, f, g, h] = spread(seed).map(BigInt);
    const start = (b << 96n) | (a << 64n) | (d << 32n) | c, sequence = (f << 96n) | (e << 64n) | (h << 32n) | g;
    const increment = ((sequence << 1n) | 1n) & BITS_128;
    const next = (state) => (state * STEP + increment) & BITS_128;
    let state = next((increment + start) & BITS_128);
    return () => {
      state = next(state);
      const folded = (state >> 64n) ^ (state & BITS_64), turn = state >> 122n;
      const turned = ((folded >> turn) | (folded << (64n - turn))) & BITS_64;
      return Number(turned >> 11n) / 2 ** 53;
    };
  }

  Object.assign(pageModels, { generator });
})();
