//! What must be the same in two objects that different toolchains built: programs and maps.

use std::collections::BTreeSet;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

use crate::process::{Error, Result};

/// Compares programs (section and symbol) and maps (symbol and definition).
///
/// # Errors
/// What only one of the two has.
pub(super) fn compare(committed: &[u8], built: &[u8]) -> Result {
    let (committed, built) = (layout(committed)?, layout(built)?);
    let only =
        |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join(", ");
    if committed == built {
        return Ok(());
    }
    Err(Error::message(format!(
        "the XDP objects differ; only in the committed one: [{}], only in the rebuilt one: [{}]; run `cargo xtask build-ebpf`",
        only(&committed, &built),
        only(&built, &committed)
    )))
}

fn layout(bytes: &[u8]) -> Result<BTreeSet<String>> {
    let unreadable = |error: object::Error| Error::message(format!("the XDP object is not ELF: {error}"));
    let object = object::File::parse(bytes).map_err(unreadable)?;
    let mut found = BTreeSet::new();
    for symbol in object.symbols().filter(object::ObjectSymbol::is_global) {
        let Some(section) = symbol.section_index().and_then(|index| object.section_by_index(index).ok())
        else {
            continue;
        };
        let (section_name, name) = (section.name().map_err(unreadable)?, symbol.name().map_err(unreadable)?);
        if section_name.starts_with("xdp") {
            found.insert(format!("{section_name}: {name}"));
        } else if section_name == "maps" {
            let definition = section.data_range(symbol.address(), symbol.size()).map_err(unreadable)?;
            found.insert(format!("map {name}: {:?}", definition.unwrap_or_default()));
        }
    }
    Ok(found)
}
