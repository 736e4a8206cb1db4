// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* From a file to a module. A damaged file must not reach the dynamic loader, which trusts what it maps; so the whole
 * file is read and hashed first. The loader knows files by name: a file that replaced a loaded one would silently be
 * given the old code, which comparing the mapped note with the one in the file finds out. */
#include "runtime/internal.h"
#include "runtime/note.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

attnc_status attnc_check_bytes(attnc_context *context, const char *path, const unsigned char *bytes, uint64_t size,
                               attnc_note *note) {
  uint64_t at = attnc_find_note(bytes, size);
  if (at == 0)
    return attnc_fail(context, ATTNC_NOT_AN_ARTIFACT, "%s: is not an attnc artifact", path);
  memcpy(note, bytes + at, sizeof *note);
  if (note->version != ATTNC_ABI_VERSION)
    return attnc_fail(context, ATTNC_WRONG_VERSION, "%s: has ABI version %u, this runtime reads %u", path,
                      note->version, ATTNC_ABI_VERSION);
  if (note->file_size != size)
    return attnc_fail(context, ATTNC_DAMAGED, "%s: is damaged: has %llu bytes, was written with %llu", path,
                      (unsigned long long)size, (unsigned long long)note->file_size);
  if (note->hash != attnc_hash(bytes, size, at + offsetof(attnc_note, hash)))
    return attnc_fail(context, ATTNC_DAMAGED, "%s: is damaged: its hash is not the one it was written with", path);
  attnc_text text;
  const char *missing = attnc_missing_features(note->features, &text);
  return missing ? attnc_fail(context, ATTNC_WRONG_CPU, "%s: %s", path, missing) : ATTNC_OK;
}

static attnc_status checkFile(attnc_context *context, const char *path, const char *full, attnc_note *note) {
  struct stat info;
  int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hang us before fstat says what it is */
  if (fd < 0 || fstat(fd, &info) != 0) {
    int error = errno;
    if (fd >= 0)
      close(fd);
    return attnc_fail(context, ATTNC_CANNOT_READ, "%s: %s", path, strerror(error));
  }
  attnc_status status;
  void *bytes = MAP_FAILED;
  if (!S_ISREG(info.st_mode))
    status = attnc_fail(context, ATTNC_CANNOT_READ, "%s: is not a regular file", path);
  else if (info.st_size == 0)
    status = attnc_fail(context, ATTNC_NOT_AN_ARTIFACT, "%s: is not an attnc artifact", path);
  else if ((bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
    status = attnc_fail(context, ATTNC_CANNOT_READ, "%s: %s", path, strerror(errno));
  else
    status = attnc_check_bytes(context, path, bytes, (uint64_t)info.st_size, note);
  if (bytes != MAP_FAILED)
    munmap(bytes, (size_t)info.st_size);
  close(fd);
  return status;
}

static attnc_status openChecked(attnc_context *context, const char *path, const char *full, const attnc_note *note,
                                attnc_module **module) {
  void *handle = dlopen(full, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return attnc_fail(context, ATTNC_CANNOT_LOAD, "%s: cannot be loaded: %s", path, dlerror());
  const attnc_artifact_descriptor *artifact = dlsym(handle, "attnc_artifact");
  attnc_status status;
  if (!artifact)
    status = attnc_fail(context, ATTNC_CANNOT_LOAD, "%s: cannot be loaded: exports no attnc_artifact", path);
  else if (artifact->magic != ATTNC_ABI_MAGIC || !artifact->note)
    status = attnc_fail(context, ATTNC_DAMAGED, "%s: is damaged: its descriptor has no note", path);
  else if (memcmp((const char *)artifact->note + ATTNC_NOTE_HEADER_SIZE, note, sizeof *note) != 0)
    status = attnc_fail(context, ATTNC_OTHER_LOADED, "%s: was replaced while its predecessor is loaded", path);
  else
    status = attnc_add_module(context, artifact, path, handle, module);
  if (status != ATTNC_OK)
    dlclose(handle);
  return status;
}

attnc_status attnc_load(attnc_context *context, const char *path, attnc_module **module) {
  if (module)
    *module = NULL;
  if (!context)
    return ATTNC_INVALID_USE;
  if (!path || !module)
    return attnc_fail(context, ATTNC_INVALID_USE, "attnc_load: '%s' is null", path ? "module" : "path");
  char *full = realpath(path, NULL); /* dlopen looks a name without a slash up elsewhere */
  if (!full)
    return attnc_fail(context, ATTNC_CANNOT_READ, "%s: %s", path, strerror(errno));
  attnc_note note;
  attnc_status status = checkFile(context, path, full, &note);
  if (status == ATTNC_OK)
    status = openChecked(context, path, full, &note, module);
  free(full);
  return status;
}
