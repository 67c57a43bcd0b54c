//! Lines over time, or over anything else, as SVG.

use std::fmt::Write as _;

use super::svg::{OURS, STYLE, text};
use super::table::short;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 640.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 240.0;
/// Space that a line of the legend takes.
const STEP: f64 = 17.0;
/// Space that a mark's name takes.
const NAME: f64 = 90.0;
/// Lines of the scale.
const SCALE: u32 = 4;
const COLOURS: [&str; 8] =
    [OURS, "#c8511b", "#3d8a3d", "#8b4fa8", "#b08a00", "#a3283c", "#4a9da6", "#777777"];

/// A line.
pub(crate) struct Line {
    /// What it is of.
    pub(crate) label: String,
    /// From left to right.
    pub(crate) points: Vec<(f64, f64)>,
}

/// How far apart things are that lie beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// As they are.
    Linear,
    /// As their logarithms are. Nothing is at or below 0.
    Logarithmic,
}

/// Lines with the same axes.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    /// What is written at the end of the axis.
    pub(crate) x: &'a str,
    pub(crate) scale: Scale,
    pub(crate) lines: Vec<Line>,
    /// Where something began, and what.
    pub(crate) marks: Vec<(f64, &'a str)>,
}

impl Chart<'_> {
    /// The chart as SVG. The vertical axis begins at 0.
    pub(crate) fn draw(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let xs = || points().map(|(x, _)| self.at(*x)).filter(|x| x.is_finite());
        let (first, last) = (xs().fold(f64::INFINITY, f64::min), xs().fold(f64::NEG_INFINITY, f64::max));
        let most = points().map(|(_, y)| *y).fold(f64::MIN_POSITIVE, f64::max);
        let x =
            |value: f64| LEFT + (RIGHT - LEFT) * ((self.at(value) - first) / (last - first)).clamp(0.0, 1.0);
        let y = |value: f64| BOTTOM - (BOTTOM - TOP) * (value / most).clamp(0.0, 1.0);
        let mut body = text(10.0, 20.0, "head", self.title);
        if first < last {
            body.push_str(&scale(most, y));
            self.ends(&mut body, x);
            self.marks(&mut body, x);
            for (number, (line, colour)) in self.lines.iter().zip(COLOURS.iter().cycle()).enumerate() {
                draw(&mut body, line, colour, |(across, up)| (x(across), y(up)));
                legend(
                    &mut body,
                    line,
                    colour,
                    TOP + STEP * f64::from(u8::try_from(number).unwrap_or(u8::MAX)),
                );
            }
        } else {
            body.push_str(&text(LEFT, 60.0, "small", "nothing was measured"));
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\">\n\
             <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n"
        )
    }

    fn at(&self, x: f64) -> f64 {
        match self.scale {
            Scale::Linear => x,
            Scale::Logarithmic => x.max(f64::MIN_POSITIVE).log10(),
        }
    }

    /// What is written below the axis: its ends and its middle.
    fn ends(&self, body: &mut String, x: impl Fn(f64) -> f64) {
        let xs = || self.lines.iter().flat_map(|line| &line.points).map(|(x, _)| *x);
        let (first, last) = (xs().fold(f64::INFINITY, f64::min), xs().fold(f64::NEG_INFINITY, f64::max));
        let middle = match self.scale {
            Scale::Linear => f64::midpoint(first, last),
            Scale::Logarithmic => (first.max(f64::MIN_POSITIVE) * last).sqrt(),
        };
        for value in [first, middle, last] {
            body.push_str(&text(x(value) - 8.0, BOTTOM + 16.0, "small", short(value)));
        }
        body.push_str(&text(RIGHT + 30.0, BOTTOM + 16.0, "small", self.x));
    }

    fn marks(&self, body: &mut String, x: impl Fn(f64) -> f64) {
        for (number, (at, name)) in self.marks.iter().enumerate() {
            let x = x(*at);
            // Writing to a string cannot fail.
            let _ = writeln!(
                body,
                "<path d=\"M{x:.1} {TOP}V{BOTTOM}\" stroke=\"#999\" stroke-dasharray=\"3 3\"/>"
            );
            // Neighbours are not written over each other.
            let down = if number % 2 == 0 { 10.0 } else { 22.0 };
            // Nor over what is right of the picture.
            let x = if x > RIGHT - NAME { x - NAME } else { x + 3.0 };
            body.push_str(&text(x, TOP + down, "small", name));
        }
    }
}

fn scale(most: f64, y: impl Fn(f64) -> f64) -> String {
    let mut svg = String::new();
    for line in 0..=SCALE {
        let value = most * f64::from(line) / f64::from(SCALE);
        let at = y(value);
        // Writing to a string cannot fail.
        let _ = writeln!(svg, "<path d=\"M{LEFT} {at:.1}H{RIGHT}\" stroke=\"#e4e4e4\"/>");
        svg.push_str(&text(10.0, at + 4.0, "small", short(value)));
    }
    svg
}

fn draw(svg: &mut String, line: &Line, colour: &str, place: impl Fn((f64, f64)) -> (f64, f64)) {
    let mut path = String::new();
    for (number, point) in line.points.iter().enumerate() {
        let (x, y) = place(*point);
        // Writing to a string cannot fail.
        let _ = write!(path, "{}{x:.1} {y:.1}", if number == 0 { 'M' } else { 'L' });
    }
    let _ = writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>");
}

fn legend(svg: &mut String, line: &Line, colour: &str, y: f64) {
    let x = RIGHT + 16.0;
    // Writing to a string cannot fail.
    let _ = writeln!(svg, "<path d=\"M{x} {y:.1}h16\" stroke=\"{colour}\" stroke-width=\"3\"/>");
    svg.push_str(&text(x + 22.0, y + 4.0, "small", &line.label));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(scale: Scale, points: &[(f64, f64)]) -> String {
        let lines = vec![Line { label: "a < b".to_owned(), points: points.to_vec() }];
        Chart { title: "memory", x: "s", scale, lines, marks: vec![(5.0, "cut")] }.draw()
    }

    #[test]
    fn a_line_goes_from_edge_to_edge_and_from_0_to_the_most() {
        let svg = chart(Scale::Linear, &[(0.0, 0.0), (5.0, 1.0), (10.0, 2.0)]);
        let middle = f64::midpoint(LEFT, RIGHT);
        let half = f64::midpoint(TOP, BOTTOM);
        let path = format!("M{LEFT:.1} {BOTTOM:.1}L{middle:.1} {half:.1}L{RIGHT:.1} {TOP:.1}");
        assert!(svg.contains(&path), "{svg}");
        assert!(svg.contains("a &lt; b") && svg.contains("cut"), "{svg}");
        let middle = chart(Scale::Logarithmic, &[(1.0, 0.0), (10.0, 1.0), (100.0, 2.0)]);
        assert!(middle.contains(&path), "{middle}");
    }

    #[test]
    fn what_was_not_measured_is_said() {
        assert!(chart(Scale::Linear, &[]).contains("nothing was measured"));
    }
}
