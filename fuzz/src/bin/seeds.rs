//! Writes the inputs to begin with into `FOLDER/TARGET`, each under its number.

use std::path::PathBuf;
use std::{env, fs, io};

#[expect(dead_code, reason = "its check is for the target")]
#[path = "../identity.rs"]
mod identity;
#[expect(dead_code, reason = "its check is for the target")]
#[path = "../pem.rs"]
mod pem;

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "fuzz/corpus".to_owned()));
    for (target, seeds) in [("identity", identity::seeds()), ("pem", pem::seeds())] {
        let folder = folder.join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
    }
    Ok(())
}
