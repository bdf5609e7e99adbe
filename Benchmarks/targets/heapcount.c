/* Counts the calls of malloc and its family, for Benchmarks/targets/allocations. */
#include <errno.h>
#include <stddef.h>
#include <malloc.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

/* Read from outside, through /proc/PID/mem: allocations, frees, bytes allocated, bytes freed. */
long causeway_heap[4];

static void add(int index, long value) {
    __atomic_fetch_add(&causeway_heap[index], value, __ATOMIC_RELAXED);
}
static void *made(void *block) {
    if (block) add(0, 1), add(2, (long)malloc_usable_size(block));
    return block;
}
static void gone(void *block) {
    if (block) add(1, 1), add(3, (long)malloc_usable_size(block));
}
void *malloc(size_t size) { return made(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) { return made(__libc_calloc(count, size)); }
void *memalign(size_t align, size_t size) { return made(__libc_memalign(align, size)); }
void *aligned_alloc(size_t align, size_t size) { return made(__libc_memalign(align, size)); }
void free(void *block) { gone(block); __libc_free(block); }
void *realloc(void *block, size_t size) {
    size_t before = block ? malloc_usable_size(block) : 0;
    void *after = __libc_realloc(block, size);
    if (!after && size) return after;
    if (block) add(1, 1), add(3, (long)before);
    return made(after);
}
int posix_memalign(void **result, size_t align, size_t size) {
    void *block = made(__libc_memalign(align, size));
    if (!block) return ENOMEM;
    *result = block;
    return 0;
}
