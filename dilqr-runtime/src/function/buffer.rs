//! Memory of vector functions: on the stack where it is small, else on the heap.
//!
//! Kernels are nested deeply, and a thread's stack may have 2 MiB or less. A number may have eight lanes, and a kernel may call a
//! function many times. So the compiler of models adds up what the calls of a kernel need, and places that are large get no
//! room on the stack. Lists of the heap go back to the thread that used them: after the first kernels nothing is allocated.
//! Without the standard library there is no such store, and each call allocates its lists.

use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

use crate::scalar::Scalar;

/// A list of numbers, or of rows of numbers: `K` on the stack, or any number on the heap where `K` is 0.
#[derive(Debug)]
pub struct Buffer<T: Copy + Send + 'static, const K: usize> {
    stack: [T; K],
    heap: HeapList<T>,
}

impl<T: Copy + Send + 'static, const K: usize> Buffer<T, K> {
    /// `count` times the same: `K` or, where that is 0, any number.
    #[inline(always)]
    pub fn filled(count: usize, entry: T) -> Self {
        Self { stack: [entry; K], heap: if K == 0 { HeapList::filled(count, entry) } else { HeapList(Vec::new()) } }
    }
}

impl<S: Scalar, const N: usize, const K: usize> Buffer<[S; N], K> {
    /// The rows as an array.
    #[must_use]
    pub fn to_array<const M: usize>(&self) -> [[S; N]; M] {
        core::array::from_fn(|row| self[row])
    }
}

impl<T: Copy + Send + 'static, const K: usize> Deref for Buffer<T, K> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        if K > 0 { &self.stack } else { &self.heap.0 }
    }
}

impl<T: Copy + Send + 'static, const K: usize> DerefMut for Buffer<T, K> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        if K > 0 { &mut self.stack } else { &mut self.heap.0 }
    }
}

/// `N` columns: of `H` numbers on the stack, or of any length on the heap where `H` is 0.
#[derive(Debug)]
pub(super) struct Columns<S: Scalar, const N: usize, const H: usize> {
    stack: [[S; H]; N],
    heap: HeapList<S>,
    length: usize,
}

impl<S: Scalar, const N: usize, const H: usize> Columns<S, N, H> {
    /// Zeros.
    #[inline(always)]
    pub(super) fn zeros(length: usize) -> Self {
        let zero = S::zero();
        let heap = if H == 0 { HeapList::filled(N * length, zero) } else { HeapList(Vec::new()) };
        Self { stack: [[zero; H]; N], heap, length }
    }

    #[inline(always)]
    pub(super) fn column(&self, index: usize) -> &[S] {
        if H > 0 { &self.stack[index] } else { &self.heap.0[index * self.length..][..self.length] }
    }

    #[inline(always)]
    pub(super) fn column_mut(&mut self, index: usize) -> &mut [S] {
        if H > 0 { &mut self.stack[index] } else { &mut self.heap.0[index * self.length..][..self.length] }
    }
}

/// A list that goes back to its thread's store.
#[derive(Debug)]
struct HeapList<T: Copy + Send + 'static>(Vec<T>);

impl<T: Copy + Send + 'static> HeapList<T> {
    fn filled(count: usize, entry: T) -> Self {
        let mut list = if count == 0 { Vec::new() } else { store::take() };
        list.resize(count, entry);
        Self(list)
    }
}

impl<T: Copy + Send + 'static> Drop for HeapList<T> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.0.capacity() > 0 {
            store::put(core::mem::take(&mut self.0));
        }
    }
}

/// The lists of a thread that are not in use.
#[cfg(feature = "std")]
mod store {
    use std::any::Any;
    use std::cell::RefCell;

    thread_local! {
        /// Lists of lists, one for each type of entries.
        static LISTS: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
    }

    /// An empty list, with the room of one that was put back, if there is one.
    pub(super) fn take<T: 'static>() -> Vec<T> {
        let found = LISTS.try_with(|lists| {
            let mut lists = lists.try_borrow_mut().ok()?;
            lists.iter_mut().find_map(|of_type| of_type.downcast_mut::<Vec<Vec<T>>>())?.pop()
        });
        found.ok().flatten().unwrap_or_default()
    }

    pub(super) fn put<T: 'static>(mut list: Vec<T>) {
        list.clear();
        // A thread that ends has no store any more.
        let _ = LISTS.try_with(|lists| {
            let Ok(mut lists) = lists.try_borrow_mut() else { return };
            match lists.iter_mut().find_map(|of_type| of_type.downcast_mut::<Vec<Vec<T>>>()) {
                Some(of_type) => of_type.push(list),
                None => lists.push(Box::new(vec![list])),
            }
        });
    }
}

#[cfg(not(feature = "std"))]
mod store {
    use alloc::vec::Vec;

    pub(super) const fn take<T>() -> Vec<T> {
        Vec::new()
    }

    pub(super) fn put<T>(_list: Vec<T>) {}
}
