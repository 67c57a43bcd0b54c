//! Lines through points, by least squares.

/// A line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) base: f64,
    pub(super) slope: f64,
}

/// The line that fits best; `None` for fewer than two points, or all above each other.
pub(super) fn line(points: &[(f64, f64)]) -> Option<Line> {
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let count = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let common: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let slope = common / spread;
    slope.is_finite().then_some(Line { base: mean_y - slope * mean_x, slope })
}

/// How much more the line is at the end than at the beginning.
pub(super) fn rise(points: &[(f64, f64)]) -> Option<f64> {
    let ((first, _), (last, _)) = (points.first()?, points.last()?);
    Some(line(points)?.slope * (last - first))
}

/// The same, over what it was there.
pub(super) fn growth(points: &[(f64, f64)]) -> Option<f64> {
    let Line { base, slope } = line(points)?;
    let (first, _) = points.first()?;
    Some(rise(points)? / (base + slope * first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_through_its_own_points_and_between_others() {
        assert_eq!(line(&[(1.0, 3.0), (2.0, 5.0), (3.0, 7.0)]), Some(Line { base: 1.0, slope: 2.0 }));
        assert_eq!(line(&[(0.0, 1.0), (0.0, 3.0)]), None);
        assert_eq!(line(&[]), None);
    }

    #[test]
    fn growth_is_over_the_whole_of_it() {
        let points = [(10.0, 100.0), (20.0, 105.0), (30.0, 110.0)];
        assert_eq!((rise(&points), growth(&points)), (Some(10.0), Some(0.1)));
        assert_eq!(growth(&[(1.0, 5.0), (2.0, 5.0)]), Some(0.0));
    }
}
