//! A stack of its own for the handlers of signals: else nothing would be left to tell of one that overflows.

use std::{mem, ptr};

/// Bytes of it.
const SIZE: usize = 256 << 10;

/// Sets it up, before libFuzzer sets its handlers, which keep that they run there.
#[allow(unsafe_code)]
pub fn prepare() {
    let memory = Box::leak(vec![0_u8; SIZE].into_boxed_slice());
    // SAFETY: the memory is never given back, and the action is the default one.
    unsafe {
        let stack = libc::stack_t {
            ss_sp: memory.as_mut_ptr().cast(),
            ss_flags: 0,
            ss_size: SIZE,
        };
        libc::sigaltstack(&stack, ptr::null_mut());
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        action.sa_flags = libc::SA_ONSTACK;
        for signal in [libc::SIGSEGV, libc::SIGBUS] {
            libc::sigaction(signal, &action, ptr::null_mut());
        }
    }
}
