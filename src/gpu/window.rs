//! Which adapter draws the window.

use super::{GpuError, adapter, choice};
use crate::platform::native::block_on;

/// The best of `adapters` that can show on `surface` and opens a device as `described`. Another than the one that
/// computes may be it: a card without a screen cannot show.
///
/// # Errors
/// [`GpuError::NoAdapter`] where none can show; why the only one gives no device, [`GpuError::NoneUsable`] for
/// several.
pub fn window_adapter(
    adapters: &[wgpu::Adapter],
    surface: Option<&wgpu::Surface<'_>>,
    described: &dyn Fn(&wgpu::Adapter) -> wgpu::DeviceDescriptor<'static>,
) -> Result<wgpu::Adapter, GpuError> {
    let shows = |adapter: &&wgpu::Adapter| surface.is_none_or(|s| adapter.is_surface_supported(s));
    let mut fit: Vec<&wgpu::Adapter> = adapters.iter().filter(shows).collect();
    fit.sort_by_key(|adapter| adapter::rank(adapter.get_info().device_type));
    if let [only] = fit[..] {
        return Ok(only.clone()); // What is wrong with it the window library tells when it opens it.
    }
    let open = async |number: usize| {
        let opened = fit[number].request_device(&described(fit[number])).await;
        opened.map_err(|error| GpuError::NoDevice {
            adapter: adapter::name(&fit[number].get_info()),
            reason: error.to_string(),
        })?;
        Ok(fit[number].clone())
    };
    let order: Vec<usize> = (0..fit.len()).collect();
    block_on(choice::first_that_opens(&order, open)).map(|(adapter, _)| adapter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_that_opens_no_device_is_passed_over() {
        let adapters = block_on(adapter::enumerate(&adapter::instance()));
        // One that opens and one that is asked for what no adapter has, in both orders.
        let twice = [adapters[0].clone(), adapters[0].clone()];
        let described = |calls: &std::cell::Cell<usize>, refused: usize| {
            let call = calls.replace(calls.get() + 1);
            wgpu::DeviceDescriptor {
                required_limits: wgpu::Limits {
                    max_bind_groups: if call == refused { u32::MAX } else { 4 },
                    ..wgpu::Limits::default()
                },
                ..Default::default()
            }
        };
        for (refused, expected) in [(0, 2), (1, 1)] {
            let calls = std::cell::Cell::new(0);
            let found = window_adapter(&twice, None, &|_| described(&calls, refused));
            assert!(found.is_ok(), "{found:?}");
            assert_eq!(calls.get(), expected, "refused: {refused}");
        }
        let none = window_adapter(&twice, None, &|_| described(&std::cell::Cell::new(0), 0));
        assert!(
            matches!(none, Err(GpuError::NoneUsable { count: 2, .. })),
            "{none:?}"
        );
        let error = window_adapter(&[], None, &|_| wgpu::DeviceDescriptor::default());
        assert_eq!(error.err(), Some(GpuError::NoAdapter));
    }
}
