#pragma once

#include "specimens.h"

namespace millrace::test {

// What holds for every reader, as doctest checks.

/// Every sample is there, in order, with rising offsets; read again in any order, into the same
/// sample or a fresh one, each is the same.
void check_random_access(const Specimen& specimen);
/// Many threads that read one open shard get what one thread gets.
void check_threads(const Specimen& specimen);
/// However early the file ends: no crash, no sample that is not the whole file's, and what is
/// missing is an error that names the file.
void check_truncation(const Specimen& specimen);
/// An index has the samples that a walk finds, and serves them when it is opened again; the
/// projection that it was made with does not show.
void check_index(const Specimen& specimen);
/// Asked for one field, a reader gives it, and none but those that the option names.
void check_projection(const Specimen& specimen);

/// All of these, each as a subcase.
void check_contract(const Specimen& specimen);

}  // namespace millrace::test
