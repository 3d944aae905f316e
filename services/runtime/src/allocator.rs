//! What gives memory to every process of the pair. Messages of the log are allocated by some threads and freed by others,
//! many for each event of a replay: the system's allocator (glibc) gathers their pieces again and again, a quarter of a
//! replay's time.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
