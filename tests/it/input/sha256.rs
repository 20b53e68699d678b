//! SHA-256 (FIPS 180-4), for comparing with golden hashes.

/// The first 32 bits of the fractional parts of `root` of the first primes.
fn constants<const N: usize>(root: impl Fn(f64) -> f64) -> [u32; N] {
    let mut primes = (2_u32..).filter(|n| (2..*n).all(|d| n % d != 0));
    std::array::from_fn(|_| {
        let root = root(f64::from(primes.next().unwrap()));
        (root.fract() * 4_294_967_296.0) as u32
    })
}

/// The hash in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let k: [u32; 64] = constants(f64::cbrt);
    let mut state: [u32; 8] = constants(f64::sqrt);
    let mut message = bytes.to_vec();
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend_from_slice(&(bytes.len() as u64 * 8).to_be_bytes());
    for block in message.as_chunks::<64>().0 {
        let mut w = [0_u32; 64];
        for (word, bytes) in w.iter_mut().zip(block.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        for i in 16..64 {
            let (a, b) = (w[i - 15], w[i - 2]);
            let s0 = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
            let s1 = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
            w[i] = [w[i - 16], s0, w[i - 7], s1]
                .iter()
                .fold(0, |sum, v| sum.wrapping_add(*v));
        }
        let mut v = state;
        for i in 0..64 {
            let [a, b, c, _, e, f, g, h] = v;
            let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let choice = (e & f) ^ (!e & g);
            let t1 = [h, s1, choice, k[i], w[i]]
                .iter()
                .fold(0_u32, |sum, v| sum.wrapping_add(*v));
            let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let majority = (a & b) ^ (a & c) ^ (b & c);
            v.rotate_right(1);
            v[4] = v[4].wrapping_add(t1);
            v[0] = t1.wrapping_add(s0).wrapping_add(majority);
        }
        for (s, v) in state.iter_mut().zip(v) {
            *s = s.wrapping_add(v);
        }
    }
    state.iter().map(|word| format!("{word:08x}")).collect()
}

#[test]
fn known_hashes() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(sha256(b""), empty);
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256(b"abc"), abc);
}
