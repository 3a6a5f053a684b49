//! File functions of this binary that stand in front of the C library's, so that all of SQLite's and std's file work passes through the harness.
//!
//! Each one does what its name says by a system call, and for watched files tells the journal and asks whether to fail. They hold no state and
//! never call the functions they replace. Memory-mapped database files would pass them by: the harness checks that SQLite uses none.
#![expect(unsafe_code, reason = "functions of the C library's names and types, which take raw pointers")]

use std::ffi::CStr;
use std::slice;

use comity_bench::crash::journal::{self, Truncation};
use comity_bench::crash::sabotage::{self, Operation};
use libc::{c_char, c_int, c_long, c_void, clockid_t, mode_t, off_t, size_t, ssize_t, timespec};

/// For flags that the kernel ignores and pointers that are none.
const UNUSED: c_long = 0;

#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: callers of `open` give a string that ends in zero. `mode` is rubbish where they gave none; the kernel reads it with O_CREAT only.
    let name = unsafe { CStr::from_ptr(path) }.to_bytes();
    let watched = journal::watches(name);
    if watched && let Err(number) = sabotage::fate(opening(flags)) {
        return failed(number);
    }
    // SAFETY: as the caller gave them.
    let fd = narrow(unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, flags, mode) });
    if watched && fd >= 0 {
        journal::opened(fd, name, if flags & libc::O_TRUNC == 0 { Truncation::None } else { Truncation::Emptied });
    }
    fd
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the same function on 64-bit systems.
    unsafe { open(path, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn close(fd: c_int) -> c_int {
    journal::closed(fd);
    // SAFETY: no pointers.
    narrow(unsafe { libc::syscall(libc::SYS_close, fd) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, count: size_t) -> ssize_t {
    let raw = |bytes: &[u8]| {
        // SAFETY: the slice is the caller's buffer, or a part of it.
        size(unsafe { libc::syscall(libc::SYS_write, fd, bytes.as_ptr(), bytes.len()) })
    };
    let Some(handle) = journal::handle(fd) else {
        // SAFETY: as the caller gave them.
        return size(unsafe { libc::syscall(libc::SYS_write, fd, bytes, count) });
    };
    // SAFETY: no pointers.
    let offset = unsafe { libc::syscall(libc::SYS_lseek, fd, UNUSED, libc::SEEK_CUR) };
    // SAFETY: callers of `write` own `count` bytes there.
    let bytes = unsafe { slice::from_raw_parts(bytes.cast::<u8>(), count) };
    match sabotage::write(handle, (u64::try_from(offset).unwrap_or_default(), bytes), raw) {
        Ok((told, missing)) => {
            // SAFETY: no pointers. The file's position moves over what was passed over in silence.
            unsafe { libc::syscall(libc::SYS_lseek, fd, missing, libc::SEEK_CUR) };
            told
        }
        Err(number) => isize::try_from(failed(number)).unwrap_or(-1),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(fd: c_int, bytes: *const c_void, count: size_t, offset: off_t) -> ssize_t {
    let raw = |bytes: &[u8]| {
        // SAFETY: the slice is the caller's buffer, or a part of it.
        size(unsafe { libc::syscall(libc::SYS_pwrite64, fd, bytes.as_ptr(), bytes.len(), offset) })
    };
    let Some(handle) = journal::handle(fd) else {
        // SAFETY: as the caller gave them.
        return size(unsafe { libc::syscall(libc::SYS_pwrite64, fd, bytes, count, offset) });
    };
    // SAFETY: callers of `pwrite64` own `count` bytes there.
    let bytes = unsafe { slice::from_raw_parts(bytes.cast::<u8>(), count) };
    match sabotage::write(handle, (u64::try_from(offset).unwrap_or_default(), bytes), raw) {
        Ok((told, _)) => told,
        Err(number) => isize::try_from(failed(number)).unwrap_or(-1),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite(fd: c_int, bytes: *const c_void, count: size_t, offset: off_t) -> ssize_t {
    // SAFETY: the same function on 64-bit systems.
    unsafe { pwrite64(fd, bytes, count, offset) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate64(fd: c_int, length: off_t) -> c_int {
    let handle = journal::handle(fd);
    if handle.is_some()
        && let Err(number) = sabotage::fate(Operation::Resize)
    {
        return failed(number);
    }
    // SAFETY: no pointers.
    let done = narrow(unsafe { libc::syscall(libc::SYS_ftruncate, fd, length) });
    if let (Some(handle), 0) = (handle, done) {
        sabotage::resized(handle, u64::try_from(length).unwrap_or_default());
    }
    done
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate(fd: c_int, length: off_t) -> c_int {
    // SAFETY: the same function on 64-bit systems.
    unsafe { ftruncate64(fd, length) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    // SAFETY: no pointers.
    let raw = || narrow(unsafe { libc::syscall(libc::SYS_fsync, fd) });
    match journal::handle(fd) {
        Some(handle) => sabotage::flush(handle, raw).unwrap_or_else(failed),
        None if sabotage::flushes_are_real() => raw(),
        None => 0,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    // SAFETY: no pointers. It flushes lengths as well, and nothing here needs less than that.
    unsafe { fsync(fd) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: callers of `unlink` give a string that ends in zero.
    let name = unsafe { CStr::from_ptr(path) }.to_bytes();
    if let Err(number) = naming(name) {
        return failed(number);
    }
    // SAFETY: as the caller gave them.
    let done = narrow(unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, UNUSED) });
    if done == 0 {
        journal::unlinked(name);
    }
    done
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(old: *const c_char, new: *const c_char) -> c_int {
    // SAFETY: callers of `rename` give strings that end in zero.
    let (from, to) = unsafe { (CStr::from_ptr(old).to_bytes(), CStr::from_ptr(new).to_bytes()) };
    if let Err(number) = naming(to) {
        return failed(number);
    }
    // SAFETY: as the caller gave them.
    let done = narrow(unsafe { libc::syscall(libc::SYS_renameat2, libc::AT_FDCWD, old, libc::AT_FDCWD, new, UNUSED) });
    if done == 0 {
        journal::renamed(from, to);
    }
    done
}

#[unsafe(no_mangle)]
unsafe extern "C" fn linkat(old_folder: c_int, old: *const c_char, new_folder: c_int, new: *const c_char, flags: c_int) -> c_int {
    // SAFETY: callers of `linkat` give strings that end in zero.
    let (from, to) = unsafe { (CStr::from_ptr(old).to_bytes(), CStr::from_ptr(new).to_bytes()) };
    if let Err(number) = naming(to) {
        return failed(number);
    }
    // SAFETY: as the caller gave them.
    let done = narrow(unsafe { libc::syscall(libc::SYS_linkat, old_folder, old, new_folder, new, flags) });
    if done == 0 {
        journal::linked(from, to);
    }
    done
}

#[unsafe(no_mangle)]
unsafe extern "C" fn link(old: *const c_char, new: *const c_char) -> c_int {
    // SAFETY: as the caller gave them.
    unsafe { linkat(libc::AT_FDCWD, old, libc::AT_FDCWD, new, 0) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: as the caller gave them.
    let done = narrow(unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) });
    if done == 0 && clock == libc::CLOCK_REALTIME {
        // SAFETY: the kernel has just written there.
        unsafe { (*time).tv_sec += sabotage::clock() };
    }
    done
}

fn opening(flags: c_int) -> Operation {
    match (flags & libc::O_CREAT, flags & libc::O_ACCMODE) {
        (0, libc::O_RDONLY) => Operation::OpenToRead,
        (0, _) => Operation::OpenToWrite,
        _ => Operation::Create,
    }
}

fn naming(name: &[u8]) -> Result<(), c_int> {
    if journal::watches(name) { sabotage::fate(Operation::Name) } else { Ok(()) }
}

fn failed(number: c_int) -> c_int {
    // SAFETY: the C library gives each thread its own valid place for the number.
    unsafe { *libc::__errno_location() = number };
    -1
}

fn narrow(result: c_long) -> c_int {
    c_int::try_from(result).unwrap_or(-1)
}

fn size(result: c_long) -> ssize_t {
    ssize_t::try_from(result).unwrap_or(-1)
}
