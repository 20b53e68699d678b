//! Singular values of bidiagonal matrices.

/// Sweeps for each singular value, on average, beyond which something is wrong; it takes about two.
const MOST_SWEEPS: usize = 100;

/// The sum of the singular values of the upper bidiagonal matrix with this diagonal `[n]` and these values above
/// it `[n - 1]`, by implicit QR steps with shifts (Golub and Kahan), or with none where a shift would
/// round away what is small (Demmel and Kahan). NaN where they do not converge, which finite values never do.
pub(super) fn sum_of_values(mut diagonal: Vec<f64>, mut above: Vec<f64>) -> f64 {
    let sizes = diagonal.iter().chain(&above).map(|x| x.abs());
    let tolerance = f64::EPSILON * sizes.fold(0.0, f64::max);
    let mut sweeps = MOST_SWEEPS * diagonal.len();
    let mut high = diagonal.len().saturating_sub(1);
    while high > 0 {
        if above[high - 1].abs() <= tolerance {
            high -= 1;
            continue;
        }
        if sweeps == 0 {
            return f64::NAN;
        }
        sweeps -= 1;
        let low = (0..high)
            .rev()
            .take_while(|&i| above[i].abs() > tolerance)
            .last()
            .unwrap_or(high);
        let (values, beside) = (&mut diagonal[low..=high], &mut above[low..high]);
        let shift = shift(values, beside, tolerance);
        match shift > 0.0 {
            true => sweep(values, beside, shift),
            false => sweep_without_shift(values, beside),
        }
    }
    diagonal.iter().map(|value| value.abs()).sum()
}

/// The smaller singular value of the last two by two values; 0 where it is nothing beside the first
/// value, or where there is a zero on the diagonal, which a sweep without shift moves to the end.
fn shift(values: &mut [f64], beside: &[f64], tolerance: f64) -> f64 {
    let mut is_singular = false;
    for value in values.iter_mut().filter(|value| value.abs() <= tolerance) {
        *value = 0.0;
        is_singular = true;
    }
    let (&[first, ..], &[.., before, last], &[.., corner]) = (&*values, &*values, beside) else {
        return 0.0;
    };
    if is_singular {
        return 0.0;
    }
    let (before, last) = (before.abs(), last.abs());
    let root = |x: f64| (x * x + corner * corner).sqrt();
    let larger = 0.5 * (root(before + last) + root(before - last));
    let smaller = before * last / larger;
    let share = smaller / first.abs();
    if share * share < f64::EPSILON {
        0.0
    } else {
        smaller
    }
}

/// Cosine and sine of the rotation that turns `(f, g)` into `(r, 0)`, and `r`.
fn rotation(f: f64, g: f64) -> (f64, f64, f64) {
    let r = (f * f + g * g).sqrt();
    if r == 0.0 {
        return (1.0, 0.0, f);
    }
    let inverse = 1.0 / r;
    (f * inverse, g * inverse, r)
}

/// A step from the first to the last value, which moves squares of values by the square of `shift`.
fn sweep(values: &mut [f64], beside: &mut [f64], shift: f64) {
    let last = beside.len();
    let head = values[0];
    let mut f = (head.abs() - shift) * (1.0_f64.copysign(head) + shift / head);
    let mut g = beside[0];
    for i in 0..last {
        // From the right: what stands below the diagonal then goes from the left.
        let (cosine, sine, r) = rotation(f, g);
        if i > 0 {
            beside[i - 1] = r;
        }
        f = cosine * values[i] + sine * beside[i];
        beside[i] = cosine * beside[i] - sine * values[i];
        g = sine * values[i + 1];
        values[i + 1] *= cosine;
        let (cosine, sine, r) = rotation(f, g);
        values[i] = r;
        f = cosine * beside[i] + sine * values[i + 1];
        values[i + 1] = cosine * values[i + 1] - sine * beside[i];
        if i + 1 < last {
            g = sine * beside[i + 1];
            beside[i + 1] *= cosine;
        }
    }
    beside[last - 1] = f;
}

/// The same without a shift, where no digit of small values is lost.
fn sweep_without_shift(values: &mut [f64], beside: &mut [f64]) {
    let last = beside.len();
    let (mut cosine, mut older_cosine, mut older_sine) = (1.0, 1.0, 0.0);
    for i in 0..last {
        let (turned, sine, r) = rotation(values[i] * cosine, beside[i]);
        cosine = turned;
        if i > 0 {
            beside[i - 1] = older_sine * r;
        }
        (older_cosine, older_sine, values[i]) = rotation(older_cosine * r, values[i + 1] * sine);
    }
    let h = values[last] * cosine;
    beside[last - 1] = h * older_sine;
    values[last] = h * older_cosine;
}
