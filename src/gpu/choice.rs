//! Which adapter computes: the one that was asked for, or the first that does.

use super::GpuError;

/// The adapters to try, by their numbers in the list, and what is to be said of the choice.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// First the one to be tried first.
    pub(super) order: Vec<usize>,
    /// Where the name fits several: that it does, and how to choose another.
    pub(super) note: Option<String>,
}

/// All adapters, best first as in `names`, or only the one with the number `wanted` or with `wanted` in its
/// name (ignoring case). A number that no adapter has is looked for in the names, too: `4090`.
pub(super) fn choose(names: &[String], wanted: Option<&str>) -> Result<Choice, GpuError> {
    if names.is_empty() {
        return Err(GpuError::NoAdapter);
    }
    let Some(wanted) = wanted else {
        return Ok(Choice {
            order: (0..names.len()).collect(),
            note: None,
        });
    };
    let number: Option<usize> = wanted.trim().parse().ok();
    if let Some(number) = number.filter(|&number| number < names.len()) {
        return Ok(Choice {
            order: vec![number],
            note: None,
        });
    }
    let lower = wanted.to_lowercase();
    let fitting: Vec<usize> = (0..names.len())
        .filter(|&number| names[number].to_lowercase().contains(&lower))
        .collect();
    let Some(&first) = fitting.first() else {
        return Err(GpuError::NoSuchAdapter {
            wanted: wanted.into(),
            and_number: number.map_or("", |_| ", and none has that number"),
            available: numbered(names, &(0..names.len()).collect::<Vec<_>>()),
        });
    };
    let note = (fitting.len() > 1).then(|| {
        format!(
            "`{wanted}` fits {} adapters: {}; number {first} is used, name another by its number",
            fitting.len(),
            numbered(names, &fitting)
        )
    });
    Ok(Choice {
        order: vec![first],
        note,
    })
}

/// "0 `this`, 1 `that`".
fn numbered(names: &[String], numbers: &[usize]) -> String {
    let of = |&number: &usize| format!("{number} `{}`", names[number]);
    numbers.iter().map(of).collect::<Vec<_>>().join(", ")
}

/// Opens the adapters in their `order` until one succeeds, and says of those before it why they did not.
pub(super) async fn first_that_opens<T>(
    order: &[usize],
    open: impl AsyncFn(usize) -> Result<T, GpuError>,
) -> Result<(T, Vec<String>), GpuError> {
    let mut failed = Vec::new();
    for &number in order {
        match open(number).await {
            Ok(opened) => {
                let passed_over = |(number, error): &(usize, GpuError)| {
                    format!("adapter {number} is passed over: {error}")
                };
                return Ok((opened, failed.iter().map(passed_over).collect()));
            }
            Err(GpuError::Cancelled) => return Err(GpuError::Cancelled),
            Err(error) => failed.push((number, error)),
        }
    }
    if failed.len() > 1 {
        let reasons: Vec<String> = failed.iter().map(|(_, error)| error.to_string()).collect();
        return Err(GpuError::NoneUsable {
            count: failed.len(),
            reasons: reasons.join("; "),
        });
    }
    Err(failed.pop().map_or(GpuError::NoAdapter, |(_, error)| error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::native::block_on;

    fn names() -> Vec<String> {
        ["RTX 4090", "RTX 4090", "UHD 770", "llvmpipe"]
            .map(str::to_owned)
            .to_vec()
    }

    fn chosen(wanted: &str) -> Choice {
        choose(&names(), Some(wanted)).unwrap()
    }

    #[test]
    fn adapters_are_chosen_by_number_or_name() {
        assert_eq!(choose(&names(), None).unwrap().order, [0, 1, 2, 3]);
        for (wanted, number) in [("1", 1), ("LLVM", 3), ("770", 2), ("3", 3)] {
            let choice = chosen(wanted);
            assert_eq!(
                (choice.order, choice.note),
                (vec![number], None),
                "{wanted}"
            );
        }
        // A number that no adapter has may be part of names.
        let several = chosen("4090");
        assert_eq!(several.order, [0]);
        assert_eq!(
            several.note.as_deref(),
            Some(
                "`4090` fits 2 adapters: 0 `RTX 4090`, 1 `RTX 4090`; number 0 is used, name another by \
                 its number"
            )
        );
    }

    #[test]
    fn what_no_adapter_has_is_refused_with_those_there_are() {
        let refused = |wanted| choose(&names(), Some(wanted)).unwrap_err().to_string();
        let voodoo = refused("Voodoo");
        assert!(
            voodoo.starts_with("no adapter's name contains `Voodoo`; available: 0 `RTX 4090`, 1 "),
            "{voodoo}"
        );
        let none = refused("99");
        assert!(
            none.starts_with("no adapter's name contains `99`, and none has that number; "),
            "{none}"
        );
        assert_eq!(choose(&[], Some("0")), Err(GpuError::NoAdapter));
        assert_eq!(choose(&[], None), Err(GpuError::NoAdapter));
    }

    fn broken(number: usize) -> GpuError {
        GpuError::NoDevice {
            adapter: format!("card {number}"),
            reason: "made up".into(),
        }
    }

    #[test]
    fn adapters_that_do_not_open_are_passed_over_and_named() {
        let open = |good: usize| {
            block_on(first_that_opens(&[0, 1, 2], async |number| {
                if number == good {
                    Ok(number)
                } else {
                    Err(broken(number))
                }
            }))
        };
        assert_eq!(open(0), Ok((0, Vec::new())));
        let (opened, notes) = open(2).unwrap();
        assert_eq!(opened, 2);
        assert_eq!(
            notes,
            [0, 1].map(|number| format!("adapter {number} is passed over: {}", broken(number)))
        );
        let all = open(9).unwrap_err().to_string();
        assert!(
            all.starts_with("none of the 3 adapters can be used: "),
            "{all}"
        );
        for number in 0..3 {
            assert!(all.contains(&broken(number).to_string()), "{all}");
        }
    }

    #[test]
    fn the_only_adapter_says_itself_why_it_does_not_open() {
        let open = |order: &[usize], error: &GpuError| {
            let error = error.clone();
            block_on(first_that_opens(order, async |_| {
                Err::<(), _>(error.clone())
            }))
        };
        assert_eq!(open(&[4], &broken(4)), Err(broken(4)));
        assert_eq!(open(&[], &broken(4)), Err(GpuError::NoAdapter));
        // Whoever cancels wants no other adapter.
        assert_eq!(
            open(&[0, 1], &GpuError::Cancelled),
            Err(GpuError::Cancelled)
        );
    }
}
