//! A program without the standard library, with its own entry point, allocator and panic handler. If a dependency used
//! the standard library, rustc would reject the second panic handler.
#![no_std]
#![no_main]

extern crate alloc;

mod answers;
mod cart;
mod learned;
mod spring;

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

#[link(name = "c")]
unsafe extern "C" {
    fn write(file: i32, bytes: *const u8, count: usize) -> isize;
    fn abort() -> !;
}

/// A block of memory; allocations take it from the start to the end.
#[repr(align(64))]
struct Memory([u8; SIZE]);

const SIZE: usize = 1 << 22;

static mut MEMORY: Memory = Memory([0; SIZE]);
static USED: AtomicUsize = AtomicUsize::new(0);

struct HandOut;

// SAFETY: parts do not overlap, as `USED` only grows, and begin at multiples of their alignment, as the block does.
unsafe impl GlobalAlloc for HandOut {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let part = |used: usize| {
            let start = used.next_multiple_of(layout.align());
            (layout.align() <= 64 && start + layout.size() <= SIZE).then_some((start, start + layout.size()))
        };
        let taken = USED.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |used| part(used).map(|(_, end)| end));
        // SAFETY: the part lies in the block.
        taken.ok().and_then(part).map_or(null_mut(), |(start, _)| unsafe { (&raw mut MEMORY).cast::<u8>().add(start) })
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: HandOut = HandOut;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: it takes nothing.
    unsafe { abort() }
}

/// Named by the unwinding tables of `core` as it is shipped; nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As above.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() {}

#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    for number in answers::answers() {
        let line = alloc::format!("{}\n", number.to_bits());
        // SAFETY: the pointer is to as many bytes as stated.
        if unsafe { write(1, line.as_ptr(), line.len()) } != line.len() as isize {
            return 1;
        }
    }
    0
}
