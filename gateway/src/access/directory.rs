//! Resources of one kind, found by what others call them.

use std::collections::HashMap;

use crate::model::id::{Reference, ResourceId};

/// A resource by id and name.
#[derive(Debug)]
pub struct Named<T> {
    /// Its id.
    pub id: ResourceId,
    /// Its name.
    pub name: Box<str>,
    /// What it is.
    pub value: T,
}

/// Resources in the order in which they came. Of several with one name, the name means the first.
#[derive(Debug)]
pub struct Directory<T> {
    list: Vec<Named<T>>,
    ids: HashMap<ResourceId, usize>,
    names: HashMap<Box<str>, usize>,
}

impl<T> Directory<T> {
    /// Adds one at the end.
    pub fn push(&mut self, named: Named<T>) {
        let position = self.list.len();
        self.ids.entry(named.id).or_insert(position);
        self.names.entry(named.name.clone()).or_insert(position);
        self.list.push(named);
    }

    /// Where the one is that `reference` means.
    pub fn position(&self, reference: &Reference) -> Option<usize> {
        match reference {
            Reference::Id(id) => self.ids.get(id).copied(),
            Reference::Name(name) => self.names.get(name).copied(),
        }
    }

    /// The one that `reference` means.
    pub fn find(&self, reference: &Reference) -> Option<&T> {
        self.list.get(self.position(reference)?).map(|named| &named.value)
    }

    /// The one at a position, to be replaced.
    pub fn get_mut(&mut self, position: usize) -> Option<&mut T> {
        self.list.get_mut(position).map(|named| &mut named.value)
    }
}

impl<T> Default for Directory<T> {
    fn default() -> Self {
        Self { list: Vec::new(), ids: HashMap::new(), names: HashMap::new() }
    }
}

impl<T> FromIterator<Named<T>> for Directory<T> {
    fn from_iter<I: IntoIterator<Item = Named<T>>>(all: I) -> Self {
        let mut directory = Self::default();
        all.into_iter().for_each(|named| directory.push(named));
        directory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_the_first_and_an_id_its_own() {
        let [one, other] = ["one", "other"].map(|name| ResourceId::derived("group", name));
        let named = |id, value| Named { id, name: "ops".into(), value };
        let mut directory: Directory<u8> = [named(one, 1), named(other, 2)].into_iter().collect();
        let found = |directory: &Directory<u8>, reference| directory.find(&reference).copied();
        assert_eq!(found(&directory, Reference::Name("ops".into())), Some(1));
        assert_eq!(found(&directory, Reference::Id(other)), Some(2));
        assert_eq!(found(&directory, Reference::Name("Ops".into())), None);
        *directory.get_mut(0).unwrap() = 3;
        assert_eq!(found(&directory, Reference::Id(one)), Some(3));
    }
}
