use std::fs;

use super::*;

fn parse(text: &str) -> Result<Scenario, ScenarioError> {
    Scenario::parse(Path::new("storm.toml"), text)
}

fn shipped() -> impl Iterator<Item = PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())
}

const SMALL: &str = r#"
about = "A small one."
devices = 10
arrive = "1s"
run = "2s"
quick = { devices = 5, times = 0.5 }
[[fleet]]
name = "sensors"
share = 1.0
host = "iot.example.com"
ca = "Fleet"
every = "1s"
[expect]
"#;

#[test]
fn shipped_scenarios_fit_together_and_are_smaller_when_quick() {
    let mut count = 0;
    for path in shipped() {
        let scenario = Scenario::read(&path).unwrap_or_else(|error| panic!("{error}"));
        let quick = scenario.clone().quick();
        assert!(quick.devices < scenario.devices && quick.run < scenario.run, "{}", path.display());
        count += 1;
    }
    assert!(count >= 7, "{count}");
}

#[test]
fn an_unknown_key_is_an_error_with_its_place() {
    let text = SMALL.replace("every = \"1s\"", "every = \"1s\"\nevrey = \"2s\"");
    let error = parse(&text).unwrap_err().to_string();
    assert!(error.contains("storm.toml") && error.contains("line 13") && error.contains("evrey"), "{error}");
    for (good, bad) in [("\"1s\"\n[expect]", "\"soon\"\n[expect]"), ("devices = 10", "devices = 0")] {
        let error = parse(&SMALL.replace(good, bad)).unwrap_err().to_string();
        assert!(error.contains("line "), "{error}");
    }
}

#[test]
fn all_that_does_not_fit_together_is_said() {
    assert!(parse(SMALL).is_ok());
    for (text, said) in [
        (SMALL.replace("share = 1.0", "share = 0.5"), "shares are 0.5"),
        (SMALL.replace("every = \"1s\"", "every = \"0s\""), "`every` is no time"),
        (SMALL.replace("ca = ", "tls = \"1.2\"\ngroup = \"x25519mlkem768\"\nca = "), "needs TLS 1.3"),
        (SMALL.to_owned() + "[[cut]]\nat = \"1s\"\nfleets = [\"pumps\"]", "the fleet `pumps`"),
        (SMALL.to_owned() + "[[trust]]\nat = \"1s\"\nhost = \"other\"\ncas = []", "the host `other`"),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[test]
fn in_a_storm_whoever_it_is_measured_by_comes_first_and_nobody_does_elsewhere() {
    let shares = |name: &str| {
        let path = shipped().find(|path| path.ends_with(name)).unwrap();
        let scenario = Scenario::read(&path).unwrap();
        scenario.fleet.iter().map(|fleet| scenario.share(fleet)).collect::<Vec<_>>()
    };
    assert_eq!(shares("reconnect-storm.toml"), [Share::First, Share::Steps]);
    assert!(shares("mixed.toml").iter().all(|share| *share == Share::Any));
}
