//! In which order groups that refer to each other can be compiled.

/// Groups that refer to themselves, over others or directly: their positions, in the order of reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<usize>);

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Unseen,
    Under,
    Done,
}

/// An order in which every group comes after those that it refers to; `references` has them by position. What leads
/// nowhere is left out.
///
/// # Errors
/// The first cycle.
pub fn order(references: &[Vec<usize>]) -> Result<Vec<usize>, Cycle> {
    let mut marks = vec![Mark::Unseen; references.len()];
    let mut order = Vec::with_capacity(references.len());
    // Positions that are under way, each with how many of its references are done. Not by recursion: a chain of groups
    // may be as long as the file.
    let mut path: Vec<(usize, usize)> = Vec::new();
    for start in 0..references.len() {
        path.push((start, 0));
        while let Some((group, done)) = path.last_mut() {
            let (Some(mark), Some(next)) = (marks.get_mut(*group), references.get(*group)) else {
                path.pop();
                continue;
            };
            if *mark == Mark::Done {
                path.pop();
                continue;
            }
            *mark = Mark::Under;
            let Some(&next) = next.get(*done) else {
                *mark = Mark::Done;
                order.push(*group);
                path.pop();
                continue;
            };
            *done += 1;
            if marks.get(next) == Some(&Mark::Under) {
                let cycle = path.iter().map(|(group, _)| *group).skip_while(|group| *group != next);
                return Err(Cycle(cycle.collect()));
            }
            path.push((next, 0));
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_comes_after_those_that_it_refers_to() {
        let references = [vec![2, 1], vec![3], vec![3], vec![], vec![0, 3]];
        let order = order(&references).unwrap();
        assert_eq!(order.len(), references.len());
        let at = |group| order.iter().position(|other| *other == group).unwrap();
        for (group, references) in references.iter().enumerate() {
            assert!(references.iter().all(|other| at(*other) < at(group)), "{group} in {order:?}");
        }
    }

    #[test]
    fn a_cycle_is_found_and_named_in_its_order() {
        assert_eq!(order(&[vec![0]]), Err(Cycle(vec![0])));
        assert_eq!(order(&[vec![1], vec![2], vec![3], vec![1]]), Err(Cycle(vec![1, 2, 3])));
        assert_eq!(order(&[]), Ok(vec![]));
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let references: Vec<_> =
            (0..200_000).map(|group| if group == 0 { vec![] } else { vec![group - 1] }).collect();
        assert_eq!(
            order(
                &references
                    .into_iter()
                    .rev()
                    .map(|r| r.into_iter().map(|g| 199_999 - g).collect())
                    .collect::<Vec<_>>()
            )
            .unwrap()
            .len(),
            200_000
        );
    }
}
