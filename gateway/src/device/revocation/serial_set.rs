//! A compact, exact set of serial numbers: a little more than the octets themselves.
//!
//! One table for each length; in it, serial numbers lie side by side, grouped into buckets of about
//! `PER_BUCKET`, and an array says where each bucket starts. A lookup hashes, reads two neighbouring starts and
//! compares the few serial numbers between them, however many there are in all. The hash has a random key, so that a
//! CA cannot fill one bucket.

use std::hash::{BuildHasher as _, RandomState};

use super::serial::Serial;

/// Serial numbers in a bucket, on average: the starts then take half an octet for each.
const PER_BUCKET: usize = 8;
/// Lengths and signs that a serial number can have.
const CLASSES: usize = 2 * (Serial::MAX_OCTETS + 1);

/// A set of serial numbers that never changes.
#[derive(Debug)]
pub struct SerialSet {
    hasher: RandomState,
    tables: Box<[Table]>,
    length: usize,
}

/// More than 2³² serial numbers of one length, or an iterator that says something else each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the serial numbers cannot be counted: there are more than 4,294,967,295 of one length; split the CRL"
)]
pub struct Uncountable;

/// The serial numbers of one length and sign.
#[derive(Debug)]
struct Table {
    class: usize,
    width: usize,
    /// Where each bucket starts, as an index of serial numbers; one more than there are buckets.
    starts: Box<[u32]>,
    octets: Box<[u8]>,
}

impl SerialSet {
    /// Walks `serials` three times: to count, to size the buckets, and to fill them. A serial number that comes
    /// twice is kept once.
    pub fn new(serials: impl Iterator<Item = Serial> + Clone) -> Result<Self, Uncountable> {
        let hasher = RandomState::new();
        let mut counts = [0_usize; CLASSES];
        for serial in serials.clone() {
            *counts.get_mut(class(&serial)).ok_or(Uncountable)? += 1;
        }
        let mut builders: Vec<_> = counts.iter().map(|count| Builder::new(*count)).collect();
        for serial in serials.clone() {
            builders
                .get_mut(class(&serial))
                .and_then(|builder| builder.count(&hasher, &serial))
                .ok_or(Uncountable)?;
        }
        for (builder, class) in builders.iter_mut().zip(0..) {
            builder.allocate(width(class)).ok_or(Uncountable)?;
        }
        for serial in serials {
            builders
                .get_mut(class(&serial))
                .and_then(|builder| builder.insert(&hasher, &serial))
                .ok_or(Uncountable)?;
        }
        let tables: Box<[Table]> =
            builders.into_iter().zip(0..).filter_map(|(builder, class)| builder.finish(class)).collect();
        let length = tables.iter().map(Table::len).sum();
        Ok(Self { hasher, tables, length })
    }

    /// Whether it is in the set.
    pub fn contains(&self, serial: &Serial) -> bool {
        let class = class(serial);
        let Some(table) = self.tables.iter().find(|table| table.class == class) else { return false };
        table.contains(&self.hasher, serial)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Octets that it holds on the heap.
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.tables) + self.tables.iter().map(Table::heap_bytes).sum::<usize>()
    }

    /// The most comparisons that any lookup needs.
    #[cfg(test)]
    pub(super) fn longest_bucket(&self) -> u32 {
        let buckets = self.tables.iter().flat_map(|table| table.starts.windows(2));
        buckets.map(|ends| ends[1] - ends[0]).max().unwrap_or(0)
    }
}

impl Table {
    fn contains(&self, hasher: &RandomState, serial: &Serial) -> bool {
        let bucket = bucket(hasher, serial, self.starts.len() - 1);
        let (Some(&start), Some(&end)) = (self.starts.get(bucket), self.starts.get(bucket + 1)) else {
            return false;
        };
        contains(&self.octets, self.width, start as usize, end as usize, serial.octets())
    }

    fn len(&self) -> usize {
        self.octets.len() / self.width
    }

    fn heap_bytes(&self) -> usize {
        size_of_val(&*self.starts) + size_of_val(&*self.octets)
    }
}

/// A table that is being filled.
struct Builder {
    /// First how many serial numbers each bucket gets, one place later; then where each starts.
    starts: Vec<u32>,
    /// How many each bucket has.
    filled: Vec<u32>,
    octets: Vec<u8>,
    width: usize,
}

impl Builder {
    fn new(count: usize) -> Self {
        let buckets = count.div_ceil(PER_BUCKET);
        // No buckets, no starts: most lengths do not occur.
        let starts = if buckets == 0 { 0 } else { buckets + 1 };
        Self { starts: vec![0; starts], filled: vec![0; buckets], octets: Vec::new(), width: 0 }
    }

    fn count(&mut self, hasher: &RandomState, serial: &Serial) -> Option<()> {
        let count = self.starts.get_mut(bucket(hasher, serial, self.filled.len()) + 1)?;
        *count = count.checked_add(1)?;
        Some(())
    }

    fn allocate(&mut self, width: usize) -> Option<()> {
        let mut sum = 0_u32;
        for start in &mut self.starts {
            sum = sum.checked_add(*start)?;
            *start = sum;
        }
        self.width = width;
        self.octets = vec![0; width.checked_mul(usize::try_from(sum).ok()?)?];
        Some(())
    }

    fn insert(&mut self, hasher: &RandomState, serial: &Serial) -> Option<()> {
        let bucket = bucket(hasher, serial, self.filled.len());
        let (start, filled) = (*self.starts.get(bucket)? as usize, self.filled.get_mut(bucket)?);
        let end = start + *filled as usize;
        if contains(&self.octets, self.width, start, end, serial.octets()) {
            return Some(());
        }
        if end >= *self.starts.get(bucket + 1)? as usize {
            return None;
        }
        self.octets.get_mut(end * self.width..(end + 1) * self.width)?.copy_from_slice(serial.octets());
        *filled += 1;
        Some(())
    }

    fn finish(mut self, class: usize) -> Option<Table> {
        let length: usize = self.filled.iter().map(|filled| *filled as usize).sum();
        if length == 0 {
            return None;
        }
        if length * self.width < self.octets.len() {
            self.close_gaps(length);
        }
        let (starts, octets) = (self.starts.into_boxed_slice(), self.octets.into_boxed_slice());
        Some(Table { class, width: self.width, starts, octets })
    }

    /// Where a serial number came twice, its bucket has room that nothing fills.
    fn close_gaps(&mut self, length: usize) {
        let mut octets = Vec::with_capacity(length * self.width);
        let mut sum = 0;
        for (start, filled) in self.starts.iter_mut().zip(self.filled.iter().chain([&0])) {
            let from = *start as usize * self.width;
            let used = from..from + *filled as usize * self.width;
            octets.extend_from_slice(self.octets.get(used).unwrap_or_default());
            *start = sum;
            sum += filled;
        }
        self.octets = octets;
    }
}

fn contains(octets: &[u8], width: usize, start: usize, end: usize, wanted: &[u8]) -> bool {
    let bucket = octets.get(start * width..end * width).unwrap_or_default();
    bucket.chunks_exact(width).any(|serial| serial == wanted)
}

fn class(serial: &Serial) -> usize {
    serial.octets().len() * 2 + usize::from(serial.is_negative())
}

const fn width(class: usize) -> usize {
    class / 2
}

/// The upper half of the hash, scaled to the number of buckets.
fn bucket(hasher: &RandomState, serial: &Serial, buckets: usize) -> usize {
    let hash = hasher.hash_one(serial.octets()) >> 32;
    usize::try_from((hash * buckets as u64) >> 32).unwrap_or(0)
}
