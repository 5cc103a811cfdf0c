#include "specimens.h"

#include <cstdint>
#include <stdexcept>

#include <archive.h>
#include <archive_entry.h>

#include "tar_writer.h"

namespace millrace::test {

namespace {

// Keys of one length, so that folders sort them by number.
std::string number(std::size_t i) {
  std::string digits = std::to_string(i);
  return std::string(4 - digits.size(), '0') + digits;
}

std::string image_name(std::size_t i) { return number(i) + ".jpg"; }

void check(bool succeeded) {
  if (!succeeded) throw std::runtime_error("libarchive refused");
}

// `bytes` as one compressed file, by libarchive.
std::string packed(const std::string& bytes, int (*add_filter)(archive*)) {
  std::string result(bytes.size() + 65'536, '\0');
  std::size_t used = 0;
  archive* writer = archive_write_new();
  check(archive_write_set_format_raw(writer) == ARCHIVE_OK);
  check(add_filter(writer) == ARCHIVE_OK);
  archive_write_set_bytes_in_last_block(writer, 1);  // no padding behind the stream
  check(archive_write_open_memory(writer, result.data(), result.size(), &used) == ARCHIVE_OK);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_pathname(entry, "data");
  check(archive_write_header(writer, entry) == ARCHIVE_OK);
  check(archive_write_data(writer, bytes.data(), bytes.size()) ==
        static_cast<la_ssize_t>(bytes.size()));
  archive_entry_free(entry);
  check(archive_write_close(writer) == ARCHIVE_OK);
  archive_write_free(writer);
  result.resize(used);
  return result;
}

std::string tar_bytes(std::size_t samples) {
  TarMembers members;
  for (std::size_t i = 0; i < samples; ++i) {
    members.emplace_back(image_name(i), specimen_image(i));
    members.emplace_back(number(i) + ".txt", specimen_caption(i));
  }
  return make_tar(members);
}

std::string json_lines(std::size_t samples) {
  std::string lines;
  for (std::size_t i = 0; i < samples; ++i) {
    lines += R"({"image_id": ")" + number(i) + R"(", "image_path": "images/)" + image_name(i) +
             R"(", "texts": [")" + specimen_caption(i) + R"(", "another\n\u00e9"], "quality": 0.)" +
             std::to_string(i) + "}" + (i % 2 == 0 ? "\n" : "\r\n\n");
  }
  return lines;
}

std::string json_lines_of_members(std::size_t samples) {
  std::string lines;
  for (std::size_t i = 0; i < samples; ++i) {
    lines +=
        R"({"image": ")" + image_name(i) + R"(", "caption": ")" + specimen_caption(i) + "\"}\n";
  }
  return lines;
}

std::string separated(std::size_t samples, char separator) {
  std::string text = std::string("filepath") + separator + "title" + separator + "note\n";
  for (std::size_t i = 0; i < samples; ++i) {
    text += "images/" + image_name(i) + separator;
    text += i % 2 == 0 ? "\"" + specimen_caption(i) + "\"" : specimen_caption(i);
    text += separator;
    text += i % 3 == 0 ? "\"a \"\"quoted\"\"\nnote\"\n" : "plain\r\n";
  }
  return text;
}

std::string coco_document(std::size_t samples) {
  std::string images;
  std::string annotations;
  for (std::size_t i = 0; i < samples; ++i) {
    const std::string id = std::to_string(7 * i + 1);
    images += (i > 0 ? ", " : "") + std::string(R"({"id": )") + id + R"(, "file_name": "images/)" +
              image_name(i) + R"("})";
    for (std::size_t j = 0; j <= i % 3; ++j) {
      const std::string caption = j == 0 ? specimen_caption(i) : "another " + std::to_string(j);
      annotations += (annotations.empty() ? "" : ", ") + std::string(R"({"image_id": )") + id +
                     R"(, "caption": ")" + caption + R"("})";
    }
  }
  return R"({"info": {}, "images": [)" + images + R"(], "annotations": [)" + annotations + "]}\n";
}

std::string flickr_lines(std::size_t samples, bool with_bars) {
  std::string lines = with_bars ? "image_name| comment_number| comment\n" : "";
  for (std::size_t i = 0; i < samples; ++i) {
    for (int j = 0; j < 3; ++j) {
      const std::string caption = j == 0 ? specimen_caption(i) : "another " + std::to_string(j);
      lines += "images/" + image_name(i) +
               (with_bars ? "| " + std::to_string(j) + "| " : "#" + std::to_string(j) + "\t") +
               caption + "\n";
    }
  }
  return lines;
}

std::string karpathy_document(std::size_t samples) {
  std::string images;
  for (std::size_t i = 0; i < samples; ++i) {
    images += (i > 0 ? ", " : "") + std::string(R"({"filename": "images/)") + image_name(i) +
              R"(", "imgid": )" + std::to_string(i) + R"(, "sentences": [{"raw": ")" +
              specimen_caption(i) + R"("}, {"raw": "two"}], "split": "train"})";
  }
  return R"({"images": [)" + images + R"(], "dataset": "flickr30k"})";
}

void append_number(std::string& bytes, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift & 0xff);
}

// One shard of MosaicML's form: count, offsets, the configuration, the samples.
std::string mds_bytes(std::size_t count) {
  const std::string config =
      R"({"column_encodings": ["str", "bytes"], "column_names": ["caption", "jpg"], )"
      R"("column_sizes": [null, null], "compression": null, "format": "mds", "hashes": [], )"
      R"("size_limit": 67108864, "version": 2})";
  std::vector<std::string> samples;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string caption = specimen_caption(i);
    std::string sample;
    append_number(sample, static_cast<std::uint32_t>(caption.size()));
    append_number(sample, static_cast<std::uint32_t>(specimen_image(i).size()));
    samples.push_back(sample + caption + specimen_image(i));
  }
  std::string bytes;
  append_number(bytes, static_cast<std::uint32_t>(count));
  auto at = static_cast<std::uint32_t>(4 + 4 * (count + 1) + config.size());
  append_number(bytes, at);
  for (const std::string& sample : samples) {
    at += static_cast<std::uint32_t>(sample.size());
    append_number(bytes, at);
  }
  bytes += config;
  for (const std::string& sample : samples) bytes += sample;
  return bytes;
}

// The index.json beside the one shard.
std::string mds_index(std::size_t samples, std::size_t raw_bytes, std::size_t zipped_bytes) {
  const auto info = [](const std::string& name, std::size_t size) {
    return R"({"basename": ")" + name + R"(", "bytes": )" + std::to_string(size) +
           R"(, "hashes": {}})";
  };
  const bool zipped = zipped_bytes > 0;
  return R"({"version": 2, "shards": [{"column_encodings": ["str", "bytes"], )"
         R"("column_names": ["caption", "jpg"], "column_sizes": [null, null], "compression": )" +
         std::string(zipped ? R"("zstd:7")" : "null") +
         R"(, "format": "mds", "hashes": [], "raw_data": )" + info("specimen.mds", raw_bytes) +
         R"(, "samples": )" + std::to_string(samples) +
         R"(, "size_limit": 67108864, "version": 2, "zip_data": )" +
         (zipped ? info("specimen.mds.zstd", zipped_bytes) : "null") + "}]}";
}

// A text that stops where a line does is a right one; so is one that lacks only its last line feed.
bool stops_with_a_line(const std::string& bytes, std::size_t length) {
  return length == 0 || bytes[length - 1] == '\n' || bytes[length] == '\n' ||
         (bytes[length] == '\r' && bytes[length + 1] == '\n');
}

// Of text without any mark of its end.
bool stops_anywhere(const std::string&, std::size_t) { return true; }

class Maker {
 public:
  Maker(const std::string& format, std::size_t samples, const ScratchFolder& folder)
      : samples_(samples), folder_(folder) {
    specimen_.format = format;
    specimen_.samples = samples;
  }

  Specimen file(const std::string& name, const std::string& content) {
    specimen_.path = folder_.path(name);
    specimen_.file = specimen_.path;
    write_file(specimen_.path, content);
    return specimen_;
  }

  // A table whose rows name images.
  Specimen table(const std::string& name, const std::string& content) {
    write_images();
    return file(name, content);
  }

  Specimen lines(const std::string& name, const std::string& content) {
    specimen_.may_end = stops_with_a_line;
    return table(name, content);
  }

  Specimen cells(const std::string& name, const std::string& content) {
    specimen_.may_end = stops_anywhere;
    specimen_.last_may_differ = true;
    return table(name, content);
  }

  Specimen lines_over_tars() {
    folder_.write("tars/images.tar", tar_bytes(samples_));
    specimen_.options.image_tars = {folder_.path("tars/images.tar")};
    specimen_.may_end = stops_with_a_line;
    return file("specimen.jsonl", json_lines_of_members(samples_));
  }

  Specimen image_folder() {
    write_images();
    for (std::size_t i = 0; i < samples_; ++i) {
      write_file(folder_.path("images/" + number(i) + ".txt"), specimen_caption(i));
    }
    specimen_.path = folder_.path("images");
    return specimen_;
  }

  Specimen mds(bool zipped) {
    const std::string bytes = mds_bytes(samples_);
    const std::string content = zipped ? packed(bytes, archive_write_add_filter_zstd) : bytes;
    folder_.write("index.json", mds_index(samples_, bytes.size(), zipped ? content.size() : 0));
    file(zipped ? "specimen.mds.zstd" : "specimen.mds", content);
    specimen_.path = folder_.path().string();
    return specimen_;
  }

 private:
  void write_images() const {
    for (std::size_t i = 0; i < samples_; ++i) {
      write_file(folder_.path("images/" + image_name(i)), specimen_image(i));
    }
  }

  std::size_t samples_;
  const ScratchFolder& folder_;
  Specimen specimen_;
};

}  // namespace

std::string specimen_image(std::size_t i) {
  return "image " + number(i) + std::string(40 * (i % 7), static_cast<char>('a' + i % 26));
}

std::string specimen_caption(std::size_t i) { return "caption " + number(i); }

std::vector<std::string> specimen_formats() {
  return {"tar",      "tar.gz",        "tar.bz2",         "tar.xz", "tar.zst", "jsonl",
          "jsonl.gz", "csv",           "jsonl over tars", "tsv",    "coco",    "flickr30k.token",
          "images",   "flickr30k.csv", "flickr30k.json",  "mds",    "mds.zstd"};
}

Specimen make_specimen(const std::string& format, std::size_t samples,
                       const ScratchFolder& folder) {
  Maker maker(format, samples, folder);
  const auto packed_tar = [&](int (*add_filter)(archive*)) {
    return maker.file("specimen." + format, packed(tar_bytes(samples), add_filter));
  };
  if (format == "tar") return maker.file("specimen.tar", tar_bytes(samples));
  if (format == "tar.gz") return packed_tar(archive_write_add_filter_gzip);
  if (format == "tar.bz2") return packed_tar(archive_write_add_filter_bzip2);
  if (format == "tar.xz") return packed_tar(archive_write_add_filter_xz);
  if (format == "tar.zst") return packed_tar(archive_write_add_filter_zstd);
  if (format == "jsonl") return maker.lines("specimen.jsonl", json_lines(samples));
  if (format == "jsonl.gz") {
    return maker.table("specimen.jsonl.gz",
                       packed(json_lines(samples), archive_write_add_filter_gzip));
  }
  if (format == "jsonl over tars") return maker.lines_over_tars();
  if (format == "csv") return maker.cells("specimen.csv", separated(samples, ','));
  if (format == "tsv") return maker.cells("specimen.tsv", separated(samples, '\t'));
  if (format == "coco") return maker.table("specimen.json", coco_document(samples));
  if (format == "flickr30k.token") {
    return maker.cells("specimen.token", flickr_lines(samples, false));
  }
  if (format == "flickr30k.csv") return maker.cells("specimen.csv", flickr_lines(samples, true));
  if (format == "flickr30k.json") return maker.table("specimen.json", karpathy_document(samples));
  if (format == "images") return maker.image_folder();
  if (format == "mds") return maker.mds(false);
  if (format == "mds.zstd") return maker.mds(true);
  throw std::invalid_argument("there is no specimen of " + format);
}

}  // namespace millrace::test
