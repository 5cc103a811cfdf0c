#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "millrace/formats/tables/csv_shard.h"
#include "opened_rows.h"
#include "opened_shard.h"
#include "reference_data.h"
#include "scratch_folder.h"

namespace {

using millrace::Error;
using millrace::ReadOptions;
using millrace::Reason;
using millrace::test::open_error;
using millrace::test::open_text;
using millrace::test::read_table;
using millrace::test::RowSample;
using millrace::test::ScratchFolder;
using millrace::test::table_of;
using millrace::test::TableContent;
using Cells = std::vector<std::string>;

// No image is looked for.
ReadOptions cells_only() {
  ReadOptions options;
  options.image_paths = {};
  return options;
}

TableContent table(std::string_view text, const ReadOptions& options = cells_only()) {
  return table_of("csv", text, options);
}

std::vector<Cells> column_values(const TableContent& content, const Cells& columns) {
  std::vector<Cells> rows;
  for (const RowSample& row : content.rows) {
    Cells cells;
    for (const std::string& column : columns) {
      const auto found = row.fields.find(column);
      cells.push_back(found == row.fields.end() ? "<none>" : found->second);
    }
    rows.push_back(std::move(cells));
  }
  return rows;
}

Error open_failure(std::string_view text, const ReadOptions& options = cells_only()) {
  return open_error("csv", text, options);
}

TEST_CASE("cells are split as pandas splits them") {
  const auto rows = [](std::string_view text) { return column_values(table(text), {"a", "b"}); };
  CHECK(rows("a,b\n1,2\n") == std::vector<Cells>{{"1", "2"}});
  CHECK(rows("a,b\n\"x,y\",\"p\nq\"\n3,4") == std::vector<Cells>{{"x,y", "p\nq"}, {"3", "4"}});
  CHECK(rows("a,b\n\"say \"\"hi\"\"\",\"\"\n") == std::vector<Cells>{{"say \"hi\"", ""}});
  CHECK(rows("a,b\n5\" pipe,x\"y\"\n") == std::vector<Cells>{{"5\" pipe", "x\"y\""}});
  CHECK(rows("a,b\n\"clo\"sed\"early\",2\n") == std::vector<Cells>{{"closed\"early\"", "2"}});
  CHECK(rows("a,b\n\"\"\"\",\"\"\"x\"\n") == std::vector<Cells>{{"\"", "\"x"}});
  CHECK(rows("a,b\r\n1,2\r\n\r\n3,\"4\r\n5\"\r\n") ==
        std::vector<Cells>{{"1", "2"}, {"3", "4\r\n5"}});
  CHECK(rows("a,b\r1,2\r3,4") == std::vector<Cells>{{"1", "2"}, {"3", "4"}});
  CHECK(rows("\n \t\na,b\n\n  \n1,2\n   \n 3, 4 \n  ") ==
        std::vector<Cells>{{"1", "2"}, {" 3", " 4 "}});
  CHECK(rows("a,b\n1\n2,\n,\n\"\"\n") ==
        std::vector<Cells>{{"1", "<none>"}, {"2", ""}, {"", ""}, {"", "<none>"}});
  CHECK(rows("\xef\xbb\xbf"
             "a,b\n1,2\n") == std::vector<Cells>{{"1", "2"}});
  CHECK(rows("\xef\xbb\xbf\"a\",b\n1,2\n") == std::vector<Cells>{{"1", "2"}});
}

TEST_CASE("a blank cell before a separator of blanks is a cell") {
  const auto content = table("a\tb\n\t\n \t1\n");
  CHECK(column_values(content, {"a", "b"}) == std::vector<Cells>{{"", ""}, {" ", "1"}});
}

TEST_CASE("text stays as it is: numbers, names for nothing, other encodings") {
  const std::string text = std::string("a,b\n007,NA\nnan,caf\xe9\n1e5,x") + '\0' + "y\n";
  CHECK(column_values(table(text), {"a", "b"}) ==
        std::vector<Cells>{{"007", "NA"}, {"nan", "caf\xe9"}, {"1e5", std::string("x\0y", 3)}});
}

TEST_CASE("columns without a name are numbered, and repeated ones told apart") {
  const auto content = table(",a,A,a,a.1\n0,1,2,3,4\n");
  REQUIRE(content.rows.size() == 1);
  CHECK(content.rows[0].fields ==
        std::map<std::string, std::string>{
            {"unnamed: 0", "0"}, {"a", "1"}, {"a.2", "2"}, {"a.3", "3"}, {"a.1", "4"}});
}

TEST_CASE("a row with too many cells is an error that names its line, and the next one is read") {
  const auto content = table("id,b\n1,\"x\ny\"\n2,two,extra\n3,three\n");
  CHECK(column_values(content, {"id", "b"}) == std::vector<Cells>{{"1", "x\ny"}, {"3", "three"}});
  REQUIRE(content.errors.size() == 1);
  CHECK(content.errors[0].reason == Reason::damaged_shard);
  CHECK(content.errors[0].key == "2");
  CHECK(content.errors[0].message == "line 4 has 3 cells, but there are 2 columns");
}

TEST_CASE("a quote that never closes is one error, which says how far it reaches") {
  const auto content = table("a,b\n1,2\n3,\"open\n5,6\n7,8\n");
  CHECK(content.rows.size() == 1);
  CHECK(content.index.damaged == 1);
  REQUIRE(content.errors.size() == 1);
  CHECK(content.errors[0].offset_bytes == 8);
  CHECK(content.errors[0].message ==
        "line 3 has a quote that is never closed, which takes everything behind it, up to line 5");
}

TEST_CASE("the separator is the one that the first line has most, or what options say") {
  CHECK(table("a,b\n1,2\n").rows[0].fields.at("b") == "2");
  CHECK(table("a\tb, c\n1\t2\n").rows[0].fields.at("b, c") == "2");
  CHECK(table("a;b\n1;2\n").rows[0].fields.at("b") == "2");
  CHECK(table("a|b\n1|2\n").rows[0].fields.at("b") == "2");
  CHECK(table("\"a;;;\",b\n1,2\n").rows[0].fields.at("b") == "2");
  CHECK(table("only\nx\n").rows[0].fields.at("only") == "x");
  ReadOptions options = cells_only();
  options.separator = ";";
  CHECK(table("a,b;c\n1;2\n", options).rows[0].fields.at("a,b") == "1");
}

TEST_CASE("given the names of the columns, the first line is a row") {
  ReadOptions options = cells_only();
  options.columns = {"path", "Title"};
  const auto content = table("a.jpg\tone, two, three\nb.jpg\tfour\n", options);
  CHECK(column_values(content, {"path", "title"}) ==
        std::vector<Cells>{{"a.jpg", "one, two, three"}, {"b.jpg", "four"}});
  CHECK(table("", options).rows.empty());
}

TEST_CASE("a table without a first line, or with one that never ends, is refused") {
  CHECK(open_failure("").reason == Reason::damaged_shard);
  CHECK(open_failure("\n \n").reason == Reason::damaged_shard);
  CHECK(open_failure("a,\"b\n1,2\n").message ==
        "the table has a quote in its first line that is never closed");
  CHECK(open_failure(std::string(5 << 20, 'x')).message ==
        "the table has a first line of more than 4 MiB");
  CHECK(open_failure(std::string(70'000, ',')).message ==
        "the table names more than 65536 columns");
}

TEST_CASE(
    "the key is the first key column that says something, else the image's path, else the "
    "row's number") {
  ReadOptions options = millrace::test::only_fields({"title"});
  CHECK(table("id,title\n7,x\n", options).rows[0].key == "7");
  const auto paths = table("id,filepath,title\n,b/a.jpg,x\n8,c.jpg,y\n", options);
  CHECK(paths.rows[0].key == "b/a.jpg");
  CHECK(paths.rows[1].key == "8");
  const auto numbers = table("title\nx\ny\n", options);
  CHECK(numbers.rows[0].key == "0");
  CHECK(numbers.rows[1].key == "1");
}

TEST_CASE("columns that nobody asks for are not fields") {
  const auto content =
      table("filepath,title,other\na.jpg,\"x\"\"y\",z\n", millrace::test::only_fields({"title"}));
  CHECK(content.rows[0] == RowSample{"a.jpg", {{"title", "x\"y"}}});
}

TEST_CASE("images are read by path, and the path of a column called image is image.path") {
  const ScratchFolder folder;
  folder.write("pictures/a.jpg", "pixels of a");
  const std::string named = folder.write("named.csv",
                                         "image,title\npictures/a.jpg,one\npictures/none.jpg,two\n"
                                         "https://example.org/x.jpg,three\n,four\n");
  const auto shard = millrace::open_shard(named);
  REQUIRE(shard.has_value());
  const auto content = read_table(**shard);
  REQUIRE(content.rows.size() == 3);
  CHECK(content.rows[0] ==
        RowSample{"pictures/a.jpg",
                  {{"image", "pixels of a"}, {"image.path", "pictures/a.jpg"}, {"title", "one"}}});
  CHECK(content.rows[1].fields.at("image") == "https://example.org/x.jpg");
  CHECK(content.rows[2].fields.at("image").empty());
  REQUIRE(content.errors.size() == 1);
  CHECK(content.errors[0].reason == Reason::io_error);
  CHECK(content.errors[0].key == "pictures/none.jpg");
}

TEST_CASE("a table cut anywhere gives the rows that are whole, and no others but the last") {
  const std::string whole = "a,b\n1,\"x\ny\"\n2,\"say \"\"hi\"\"\"\n\n3,four\n";
  const auto all = column_values(table(whole), {"a", "b"});
  for (std::size_t length = 4; length < whole.size(); ++length) {
    const auto content = table(whole.substr(0, length));
    const auto rows = column_values(content, {"a", "b"});
    REQUIRE(rows.size() + content.errors.size() <= all.size());
    // A last line that is cut cannot be told from one that is not.
    for (std::size_t i = 0; i + 1 < rows.size(); ++i) CHECK(rows[i] == all[i]);
  }
}

TEST_CASE("rows are the same whether the text is quoted or not, however long") {
  std::string plain = "a,b\n";
  std::string quoted = "a,b\n";
  for (int i = 0; i < 20'000; ++i) {
    const std::string cell =
        std::to_string(i * 7919) + std::string(static_cast<std::size_t>(i % 90), 'x');
    plain += cell + ",y\n";
    quoted += (i % 3 == 0 ? "\"" + cell + "\"" : cell) + (i % 5 == 0 ? ",\"y\"\r\n" : ",y\n");
  }
  const auto rows = column_values(table(plain), {"a", "b"});
  CHECK(rows.size() == 20'000);
  CHECK(rows == column_values(table(quoted), {"a", "b"}));
}

TEST_CASE("reading rows of a table allocates nothing once the buffers have grown") {
  std::string text = "filepath,title\n";
  for (int i = 0; i < 50; ++i) {
    text += "a/folder/with/a/long/name/" + std::to_string(i) +
            ".jpg,\"a caption with \"\"quotes\"\", longer than a short string\"\n";
  }
  const auto shard = open_text("csv", text, millrace::test::only_fields({"title"}));
  REQUIRE(shard.has_value());
  millrace::test::check_reading_allocates_nothing(**shard, 50);
}

TEST_CASE("tables are known by their names") {
  for (const char* name : {"a.csv", "A.TSV", "b.tsv"}) CHECK(millrace::is_csv(name, {}));
  for (const char* name : {"a.txt", "csv", "a.csv.tar"}) CHECK_FALSE(millrace::is_csv(name, {}));
}

// What open_clip's captions and images are besides the cells' text: pandas takes these for nothing,
// and a column of numbers for numbers.
bool is_nothing_to_pandas(std::string_view cell) {
  static const std::set<std::string_view> names = {"", "NA", "nan", "null", "None"};
  return names.count(cell) > 0;
}

void check_open_clip(simdjson::dom::element golden, const std::vector<Cells>& rows,
                     std::string_view which, std::size_t column, bool numeric) {
  simdjson::dom::array texts;
  if (golden["open_clip"][which].get(texts) != simdjson::SUCCESS) return;
  REQUIRE(texts.size() == rows.size());
  std::size_t i = 0;
  for (const std::string_view text : texts) {
    const std::string& cell = rows[i++][column];
    if (text == "nan") {
      const bool nothing = is_nothing_to_pandas(cell) || cell == "<none>";
      CHECK(nothing);
    } else if (!numeric) {
      CHECK(cell == text);
    }
  }
}

TEST_CASE("the reference tables have the cells that Python's csv module finds") {
  const auto data = millrace::test::reference_data("tables");
  if (!data) return;
  const auto folder = *data / "tabular" / "csv";
  std::size_t compared = 0;
  millrace::test::for_each_json_line(folder / "manifest.jsonl", [&](simdjson::dom::element golden) {
    const std::string file{std::string_view(golden["file"])};
    CAPTURE(file);
    const auto bytes = millrace::test::read_file(folder / file);
    const std::string text(bytes.begin(), bytes.end());
    ReadOptions options = cells_only();
    for (const bool guess : {false, true}) {
      options.separator = guess ? "" : std::string(std::string_view(golden["sep"]));
      ++compared;
      if (file == "empty.csv") {
        CHECK(open_failure(text, options).reason == Reason::damaged_shard);
        continue;
      }
      const TableContent content = table(text, options);
      if (file == "latin1.csv") {  // Python refuses the file: its text is not UTF-8
        CHECK(content.errors.empty());
        CHECK(content.rows.at(0).fields.at("title").find('\xe9') != std::string::npos);
        continue;
      }
      std::vector<Cells> lines;
      for (const simdjson::dom::array line : simdjson::dom::array(golden["python_csv"])) {
        Cells cells;
        for (const std::string_view cell : line) cells.emplace_back(cell);
        if (!cells.empty()) lines.push_back(std::move(cells));
      }
      Cells columns = lines.at(0);
      simdjson::dom::array names;
      if (golden["pandas"]["columns"].get(names) == simdjson::SUCCESS) {
        columns.clear();
        for (const std::string_view name : names) columns.emplace_back(name);
      }
      for (std::string& column : columns) {
        if (column == "Unnamed: 0") column = "unnamed: 0";
      }
      lines.erase(lines.begin());
      const auto is_long = [&](const Cells& cells) { return cells.size() > columns.size(); };
      const auto long_rows =
          static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), is_long));
      CHECK(long_rows == (file == "ragged_long.csv" ? 1 : 0));
      CHECK(content.errors.size() == long_rows);
      lines.erase(std::remove_if(lines.begin(), lines.end(), is_long), lines.end());
      for (Cells& cells : lines) cells.resize(columns.size(), "<none>");
      const auto rows = column_values(content, columns);
      CHECK(rows == lines);
      const auto place = [&](std::string_view name) {
        return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), name) -
                                        columns.begin());
      };
      const bool numeric = file == "numeric_titles.csv";
      check_open_clip(golden, rows, "images", place("filepath"), false);
      check_open_clip(golden, rows, "captions", place("title"), numeric);
    }
  });
  CHECK(compared == 50);
}

}  // namespace
