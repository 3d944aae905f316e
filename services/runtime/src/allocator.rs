//! The memory allocator of every process. Messages of the log are allocated by some threads and freed by others, many
//! for each event of a replay: with the system's allocator (glibc) this took a quarter of a replay's time.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
