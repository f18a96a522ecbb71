//! The little dense linear algebra that the solver needs.

/// Inner product, summed in four lanes in a fixed order.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0f64; 4];
    let (a4, a_rest) = a.as_chunks::<4>();
    let (b4, b_rest) = b.as_chunks::<4>();
    for (a, b) in a4.iter().zip(b4) {
        for lane in 0..4 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]) + rest
}

/// `y += a x`.
pub(super) fn add_scaled(y: &mut [f64], a: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// Largest absolute value.
pub(super) fn max_abs(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |max, value| value.abs().max(max))
}

/// A symmetric matrix of `n × n`, row-major; only the lower triangle is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Symmetric {
    pub n: usize,
    pub values: Vec<f64>,
}

impl Symmetric {
    pub fn zeros(n: usize) -> Self {
        Symmetric { n, values: vec![0.0; n * n] }
    }

    pub fn diagonal_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        self.values.iter_mut().step_by(self.n + 1)
    }

    /// The lower triangle L with `L Lᵀ` = this matrix; `None` if it is not positive definite.
    pub fn cholesky(mut self) -> Option<Cholesky> {
        let n = self.n;
        for i in 0..n {
            let (above, here) = self.values.split_at_mut(i * n);
            for j in 0..i {
                let row = &above[j * n..j * n + j + 1];
                here[j] = (here[j] - dot(&here[..j], &row[..j])) / row[j];
            }
            let pivot = here[i] - dot(&here[..i], &here[..i]);
            if pivot.is_nan() || pivot <= 0.0 {
                return None;
            }
            here[i] = pivot.sqrt();
        }
        Some(Cholesky { n, lower: self.values })
    }
}

/// A factorised positive definite matrix.
#[derive(Clone, Debug)]
pub(crate) struct Cholesky {
    n: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    /// The logarithm of the matrix's determinant.
    pub fn log_determinant(&self) -> f64 {
        2.0 * self.lower.iter().step_by(self.n + 1).map(|pivot| pivot.ln()).sum::<f64>()
    }

    /// Replaces `b` by the solution of `L Lᵀ x = b`.
    pub fn solve(&self, b: &mut [f64]) {
        for i in 0..self.n {
            let row = &self.lower[i * self.n..][..i + 1];
            b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
        }
        for i in (0..self.n).rev() {
            let row = &self.lower[i * self.n..][..i + 1];
            b[i] /= row[i];
            let (before, here) = b.split_at_mut(i);
            add_scaled(before, -here[0], &row[..i]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factorised_matrix_solves() {
        let n = 7;
        let root: Vec<f64> = (0..n * n).map(|k| ((k * 37 + 11) % 19) as f64 / 19.0).collect();
        let mut matrix = Symmetric::zeros(n);
        for i in 0..n {
            for j in 0..n {
                let inner = dot(&root[i * n..(i + 1) * n], &root[j * n..(j + 1) * n]);
                matrix.values[i * n + j] = inner + f64::from(u8::from(i == j));
            }
        }
        let x: Vec<f64> = (0..n).map(|k| k as f64 - 2.5).collect();
        let mut b: Vec<f64> = (0..n).map(|i| dot(&matrix.values[i * n..(i + 1) * n], &x)).collect();
        matrix.cholesky().unwrap().solve(&mut b);
        assert!(b.iter().zip(&x).all(|(found, x)| (found - x).abs() < 1e-10));
    }

    #[test]
    fn an_indefinite_matrix_is_refused() {
        let matrix = Symmetric { n: 2, values: vec![1.0, 0.0, 2.0, 1.0] };
        assert!(matrix.cholesky().is_none());
    }
}
