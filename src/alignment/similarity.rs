//! How alike the same samples lie to each other in two spaces, in f64.

use super::frechet::dot;

/// Linear centered kernel alignment with the unbiased estimator of the Hilbert-Schmidt independence criterion;
/// row `i` of both is sample `i`. Absent below four samples, and where one of the two has no structure.
///
/// With `K = X X^T` and `L = Y Y^T`, diagonals set to 0,
///
/// ```text
/// HSIC(K, L) = (Tr(K L) + sum(K) sum(L) / ((n-1)(n-2)) - 2 sum(K L) / (n-2)) / (n (n-3))
/// CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))
/// ```
///
/// Source: arXiv 1905.00414, equation 3; the estimator is that of Song et al. (2012), as in arXiv 2010.15327.
pub fn centered_kernel_alignment(x: &[Vec<f64>], y: &[Vec<f64>]) -> Option<f64> {
    if x.len() < 4 || x.len() != y.len() {
        return None;
    }
    let (k, l) = (products(x), products(y));
    let both = criterion(&k, &l);
    let (of_x, of_y) = (criterion(&k, &k), criterion(&l, &l));
    (of_x > 0.0 && of_y > 0.0).then(|| both / (of_x * of_y).sqrt())
}

/// Products of all rows with each other, of centered rows and without those of a row with itself.
///
/// The estimator does not see a constant added to all rows; taken off first, large means cost no digits.
fn products(x: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = x.len();
    let width = x.first().map_or(0, Vec::len);
    let mean: Vec<f64> = (0..width)
        .map(|j| x.iter().map(|row| row[j]).sum::<f64>() / n as f64)
        .collect();
    let centered: Vec<Vec<f64>> = (x.iter())
        .map(|row| row.iter().zip(&mean).map(|(a, b)| a - b).collect())
        .collect();
    let mut all = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..i {
            let product = dot(&centered[i], &centered[j]);
            all[i][j] = product;
            all[j][i] = product;
        }
    }
    all
}

fn criterion(k: &[Vec<f64>], l: &[Vec<f64>]) -> f64 {
    let n = k.len() as f64;
    let sums = |m: &[Vec<f64>]| m.iter().map(|row| row.iter().sum()).collect::<Vec<f64>>();
    let (of_k, of_l) = (sums(k), sums(l));
    let trace: f64 = k.iter().zip(l).map(|(a, b)| dot(a, b)).sum();
    let whole = of_k.iter().sum::<f64>() * of_l.iter().sum::<f64>();
    let mixed = dot(&of_k, &of_l);
    (trace + whole / ((n - 1.0) * (n - 2.0)) - 2.0 * mixed / (n - 2.0)) / (n * (n - 3.0))
}

/// The mean share of the `k` nearest samples by cosine that are the same in both spaces; ties go to the sample that
/// comes first. Absent without neighbours.
///
/// Source: arXiv 2405.07987, mutual k-nearest neighbours.
pub fn mutual_neighbors(x: &[Vec<f64>], y: &[Vec<f64>], k: usize) -> Option<f64> {
    if k == 0 || k >= x.len() || x.len() != y.len() {
        return None;
    }
    let (of_x, of_y) = (nearest(x, k), nearest(y, k));
    let shared: usize = (of_x.iter().zip(&of_y))
        .map(|(a, b)| a.iter().filter(|it| b.contains(it)).count())
        .sum();
    Some(shared as f64 / (k * x.len()) as f64)
}

fn nearest(x: &[Vec<f64>], k: usize) -> Vec<Vec<usize>> {
    let norms: Vec<f64> = x.iter().map(|row| dot(row, row).sqrt()).collect();
    let cosine = |i: usize, j: usize| match norms[i] * norms[j] {
        product if product > 0.0 => dot(&x[i], &x[j]) / product,
        _ => 0.0,
    };
    (0..x.len())
        .map(|i| {
            let mut others: Vec<(f64, usize)> = (0..x.len())
                .filter(|&j| j != i)
                .map(|j| (cosine(i, j), j))
                .collect();
            others.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            others.iter().take(k).map(|&(_, j)| j).collect()
        })
        .collect()
}
