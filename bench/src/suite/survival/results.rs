//! What it came to: rows, and a picture.

use super::cell::Outcome;
use super::defence::Defence;
use super::{SurvivalError, attack};
use crate::flood::Kind;
use crate::measure::{Bar, Comparison, Group, NotInterleaved, Report, Round, Row, Series, draw_all};

/// One attack against one defence, over all rounds.
pub(super) struct Cell {
    pub(super) kind: Kind,
    pub(super) defence: Defence,
    alone: Series,
    attacked: Series,
    packets: Series,
    gateway: Series,
    napi: Series,
    devices: Series,
    flood: Series,
    answers_napi: Series,
}

/// A table, and the same as SVG.
#[derive(Clone, Debug)]
pub struct Results {
    /// The table.
    pub report: Report,
    /// The picture.
    pub plot: String,
}

impl Cell {
    pub(super) fn new(kind: Kind, defence: Defence) -> Self {
        let (alone, attacked, packets, gateway) = Default::default();
        let (napi, devices, flood, answers_napi) = Default::default();
        Self { kind, defence, alone, attacked, packets, gateway, napi, devices, flood, answers_napi }
    }

    pub(super) fn record(&mut self, round: Round<'_>, Outcome { alone, attacked }: Outcome) {
        round.record(&mut self.alone, alone);
        round.record(&mut self.attacked, attacked.goodput);
        round.record(&mut self.packets, attacked.packets);
        round.record(&mut self.gateway, attacked.gateway);
        round.record(&mut self.napi, attacked.napi);
        round.record(&mut self.devices, attacked.devices);
        round.record(&mut self.flood, attacked.flood);
        round.record(&mut self.answers_napi, attacked.answers_napi);
    }

    fn row(&self) -> Result<Row, NotInterleaved> {
        let name = format!("{}, {}", attack::label(self.kind), self.defence.label());
        let (ours, theirs) = (&self.attacked, &self.alone);
        let row = Comparison { name, unit: "handshakes/s", ours, reference: "alone", theirs, target: None }
            .row()?;
        let target = (self.defence == Defence::Xdp).then(|| attack::target(self.kind));
        let columns = [
            ("devices CPU %", &self.devices),
            ("flood CPU %", &self.flood),
            ("flood packets/s", &self.packets),
            ("gateway CPU %", &self.gateway),
            ("gateway NAPI %", &self.napi),
            ("load NAPI %", &self.answers_napi),
        ];
        Ok(columns.into_iter().fold(row.at_least(target), |row, (column, values)| row.with(column, values)))
    }
}

/// Everything together; `host` is what it was measured on, and how.
pub(super) fn results(host: String, cells: &[Cell]) -> Result<Results, SurvivalError> {
    let rows = cells.iter().map(Cell::row).collect::<Result<Vec<_>, _>>()?;
    let plot = plot(&host, cells, &rows);
    Ok(Results { report: Report { suite: "survival", host, rows }, plot })
}

/// Bars of an attack are next to each other: what each defence leaves of the goodput.
fn plot(host: &str, cells: &[Cell], rows: &[Row]) -> String {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (Cell { kind, defence, .. }, row) in cells.iter().zip(rows) {
        let name = attack::label(*kind);
        if groups.last().is_none_or(|group| group.name != name) {
            groups.push(Group { name, unit: "goodput over goodput alone", bars: Vec::new(), scale: 1.0 });
        }
        let bar = Bar {
            label: defence.label(),
            is_ours: *defence == Defence::Xdp,
            median: row.ratio,
            min: row.ratio_min,
            max: row.ratio_max,
        };
        if let Some(group) = groups.last_mut() {
            group.bars.push(bar);
        }
    }
    draw_all("suite survival: more is better", host, &groups)
}

#[cfg(test)]
mod tests {
    use super::super::cell::Window;
    use super::*;
    use crate::measure::Run;

    fn cell(kind: Kind, defence: Defence, goodput: f64) -> Cell {
        let mut cell = Cell::new(kind, defence);
        let attacked = Window {
            goodput,
            packets: 1e5,
            gateway: 50.0,
            napi: 40.0,
            devices: 30.0,
            flood: 20.0,
            answers_napi: 10.0,
        };
        Run::begin().rounds(1).for_each(|round| cell.record(round, Outcome { alone: 400.0, attacked }));
        cell
    }

    #[test]
    fn a_target_is_xdps_alone_and_every_row_says_what_was_offered_and_what_it_took() {
        let cells = [
            cell(Kind::Garbage, Defence::Xdp, 360.0),
            cell(Kind::Garbage, Defence::Off, 100.0),
            cell(Kind::Syn, Defence::Xdp, 300.0),
        ];
        let Results { report, plot } = results("here".to_owned(), &cells).unwrap();
        let met: Vec<_> = report.rows.iter().map(|row| (row.target, row.met)).collect();
        assert_eq!(met, [(Some(0.9), Some(true)), (None, None), (Some(0.8), Some(false))]);
        assert!(
            report
                .rows
                .iter()
                .all(|row| row.details.len() == 6 && row.details.contains_key("gateway NAPI %"))
        );
        assert!(plot.matches("<rect x=").count() == 3 && plot.matches("class=\"head\">garbage").count() == 1);
    }
}
