//! Parts of lists. Clients ask for the next page until one is empty, whatever they are told.

use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::Ask;
use super::{Refusal, Result};

/// What a page has unless somebody says otherwise.
const USUAL: usize = 25;

/// What a page has at most.
const MOST: usize = 1000;

/// The page of `all` that is asked for, each of it as `view` shows it.
pub(in crate::api) fn of<T>(ask: &Ask, all: impl Iterator<Item = T>, view: impl Fn(T) -> Value) -> Result {
    let page = ask.parsed::<usize>("page")?.unwrap_or(1);
    let per_page = ask.parsed::<usize>("per_page")?.unwrap_or(USUAL).min(MOST);
    if page == 0 || per_page == 0 {
        return Err(Refusal::invalid("`page` and `per_page` begin with 1"));
    }
    let all: Vec<_> = all.collect();
    let total = all.len();
    let first = (page - 1).saturating_mul(per_page);
    let part: Vec<_> = all.into_iter().skip(first).take(per_page).map(view).collect();
    let info = json!({
        "page": page,
        "per_page": per_page,
        "count": part.len(),
        "total_count": total,
        "total_pages": total.div_ceil(per_page),
    });
    Ok(Answer::list(part, info))
}
