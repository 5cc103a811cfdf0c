#pragma once

#include <string>

#include "millrace/loader/options.h"

namespace millrace {

/// A YAML file that describes what to train on, as the JSON object that options_from_json takes. It
/// has that structure, key by key, and besides:
///
///     loaders:                       # how modalities are stored, for all datasets
///       - loader_type: raw-image     # the images' bytes lie in the datasets: no path is followed
///         modality_type: image
///       - loader_type: fs-image      # the images are files,
///         modality_type: image
///         base_path: images          # below this folder (else: below the file that names them)
///     datasets:                      # `mixture`, by another name
///       - packed_path: conversations # `sources`, by another name
///         weight: 2                  # and all else that an entry of `mixture` has
///
/// Relative paths (sources, packed_path, base_path, image_root, image_tars, ledger_path, the files
/// of
/// `@FILE`) start from the YAML file's folder, so that a description may lie beside its data; specs
/// that begin with a variable, `-` or `pipe:` stay as they are.
/// Throws std::invalid_argument that names file, line and key: no YAML, an unknown key (with the
/// nearest known one), what YAML can say and JSON cannot (keys that are no strings, a reference to
/// itself), more than 100,000 values. Throws LoaderError if the file cannot be read.
std::string yaml_to_json(const std::string& path);

/// options_from_json(yaml_to_json(path)). Throws what these throw.
LoaderOptions options_from_yaml(const std::string& path);

}  // namespace millrace
