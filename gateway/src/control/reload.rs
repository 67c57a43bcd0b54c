//! The configuration file, loaded again.

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::{Base, Composed, Control, State, now};
use crate::config::{Config, Problem, Problems};
use crate::listen::{self, Plan};
use crate::resource::Inventory;
use crate::snapshot::{Accepted, Compiled, Snapshot};
use crate::{alert, crl, xdp};

/// What became of the last attempt to load the configuration.
#[derive(Clone, Debug, Serialize)]
pub struct Reload {
    /// Whether it took effect.
    pub successful: bool,
    /// When, in seconds since the epoch.
    pub at: u64,
    /// Why not, or what to know about it: `file:line:column: …`.
    pub problems: Vec<String>,
}

/// A configuration with everything that it names, loaded and not in force.
struct Ready {
    base: Base,
    snapshot: Snapshot,
    inventory: Inventory,
    key_rotation: Duration,
    alerts: alert::Settings,
    crls: crl::Prepared,
    warnings: Problems,
}

impl Control {
    /// Loads the configuration file again and publishes what it says: all of it, or nothing.
    ///
    /// # Errors
    /// Every problem; the old snapshot keeps serving.
    pub fn reload(&self) -> Result<Reload, Reload> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        // Without the state's lock: it waits for files and servers, and probes must not.
        let path = self.lock().path.clone();
        let ready = self.prepare(&path);
        let mut state = self.lock();
        let result = ready.and_then(|ready| self.put_in_force(&mut state, ready));
        let (successful, problems) = match &result {
            Ok(warnings) => (true, warnings),
            Err(problems) => (false, problems),
        };
        state.last_reload = Reload { successful, at: now(), problems: problems.lines() };
        let metrics = &self.shared.metrics;
        metrics.reloads.with_label_values(&[if successful { "success" } else { "failure" }]).inc();
        metrics.reload_successful.set(i64::from(successful));
        for problem in &state.last_reload.problems {
            tracing::warn!("{problem}");
        }
        if successful {
            self.in_force(&mut state);
            let (reload, snapshot) = (state.last_reload.clone(), self.shared.snapshot.load_full());
            // The disk may be slow.
            drop(state);
            record.keep(&snapshot.authorities);
            tracing::info!(generation = snapshot.generation, "configuration reloaded");
            Ok(reload)
        } else {
            tracing::error!("reload refused; the old configuration keeps serving");
            Err(state.last_reload.clone())
        }
    }

    /// Loads everything that the file names, with what is stored, without putting it in force.
    fn prepare(&self, path: &Path) -> Result<Ready, Problems> {
        let base = Base::load(path)?;
        let config = &base.config;
        let mut problems = fixed_settings(&self.lock().base.config, config);
        problems.extend(missing_interfaces(config));
        let seats = self.shared.seats.as_ref().map_or_else(|| listen::seating(config), |seats| seats.cpus());
        problems.extend(listen::without_worker(config, &seats));
        let running = self.shared.snapshot.load_full();
        let accepted = Accepted::Known(running.authorities.clone());
        let inventory = self.resources();
        let stored = inventory.stored();
        let Composed { compiled, inventory, key_rotation } =
            base.compose(stored, problems, &self.shared.verdicts, &accepted, running.generation + 1)?;
        let Compiled { snapshot, crls, warnings, .. } = compiled;
        let source = base.source_with(stored);
        let crls = self.keeper.prepare(crls).map_err(|problems| Problems::new(&source, problems))?;
        let alerts = base.alerts()?;
        Ok(Ready { base, snapshot, inventory, key_rotation, alerts, crls, warnings })
    }

    fn put_in_force(&self, state: &mut State, ready: Ready) -> Result<Problems, Problems> {
        let Ready { base, snapshot, inventory, key_rotation, alerts, crls, warnings } = ready;
        let refused = |problems| Problems::new(&base.source, problems);
        let listeners = self.listeners.prepare(&base.config.listeners).map_err(refused)?;
        state.plane.apply(&snapshot, &base.config.protected()).map_err(refused)?;
        // Open connections hear of both with the index that follows the snapshot.
        self.keeper.adopt(crls, || {
            self.retired.keep(self.shared.snapshot.swap(Arc::new(snapshot)));
            self.inventory.store(Arc::new(inventory));
        });
        self.change_listeners(listeners);
        self.shared.tokens.configure(key_rotation, base.config.access.token_cache);
        self.alerts.configure(alerts);
        state.base = Arc::new(base);
        Ok(warnings)
    }

    /// The service manager closes its own before a last call, and hears of new ones when they are in force.
    fn change_listeners(&self, plan: Plan) {
        let new = plan.new_ones().to_vec();
        for listener in plan.gone() {
            self.manager.forget(listener.address());
        }
        self.listeners.apply(plan);
        for listener in new {
            self.manager.store(listener.address(), listener.sockets());
        }
    }
}

/// What cannot change while the gateway runs.
fn fixed_settings(old: &Config, new: &Config) -> Vec<Problem> {
    let changed = [
        ("[server]", old.server != new.server),
        ("[admin]", !old.admin.is_served_alike(&new.admin)),
        ("[metrics]", old.metrics != new.metrics),
        ("[log]", old.log != new.log),
        ("xdp.mode", old.xdp.mode != new.xdp.mode),
        ("xdp.pin_dir", old.xdp.pin_dir != new.xdp.pin_dir),
        ("xdp.log", old.xdp.log != new.xdp.log),
        ("xdp.steer_cpus", old.xdp.steer_cpus.value != new.xdp.steer_cpus.value),
        ("[xdp.table]", old.xdp.table != new.xdp.table),
    ];
    let changed = changed.into_iter().filter(|(_, changed)| *changed);
    changed
        .map(|(what, _)| {
            Problem::error(format!("{what} has changed, and cannot change while the gateway runs"))
                .remedy("restart it")
        })
        .collect()
}

/// A problem for each interface that `config` names and the machine does not have.
pub fn missing_interfaces(config: &Config) -> Vec<Problem> {
    xdp::missing_interfaces(&config.xdp)
        .map(|name| Problem::error(xdp::AttachError::Missing(name.value.clone()).to_string()).at(name.span))
        .collect()
}
