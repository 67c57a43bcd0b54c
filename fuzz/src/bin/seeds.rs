//! Writes the inputs to begin with into `FOLDER/TARGET`, each under its number.

use std::path::PathBuf;
use std::{env, fs, io};

#[path = "../../../tests/src/xdp/hello.rs"]
mod hello;
#[expect(dead_code, reason = "its check is for the target")]
#[path = "../identity.rs"]
mod identity;
#[expect(dead_code, reason = "its check is for the target")]
#[path = "../pem.rs"]
mod pem;

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "fuzz/corpus".to_owned()));
    let all = [("hello", hellos()), ("identity", identity::seeds()), ("pem", pem::seeds())];
    for (target, seeds) in all {
        let folder = folder.join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
    }
    Ok(())
}

/// As rustls writes them, and as nobody should.
fn hellos() -> Vec<Vec<u8>> {
    let name = "iot.example.com";
    let twice = hello::Hello::naming(name).server_name(b"other.example.com");
    vec![
        hello::from_rustls(name),
        hello::classic(name),
        hello::Hello::naming(name).record(),
        hello::Hello::naming(name).session_id(0).record(),
        hello::Hello::default().server_names(&[]).record(),
        twice.record(),
    ]
}
