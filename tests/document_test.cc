#include "reconciler/document.h"

#include <doctest/doctest.h>
#include <pthread.h>

#include <string>

using namespace fairlead;

namespace {

// The errors of a text as one text.
std::string errors_of(const std::string& text, const ParseLimits& limits = {}) {
  std::string errors;
  for (const Error& error : parse_file("a.yml", text, limits).errors) errors += error.text() + "\n";
  return errors;
}

// The values of all good documents, one per line, as JSON.
std::string values_of(const std::string& text) {
  std::string values;
  for (const Document& document : parse_file("a.yml", text).documents) {
    values += document.value.dump() + "\n";
  }
  return values;
}

std::string repeated(const std::string& part, std::size_t bytes) {
  std::string text;
  while (text.size() + part.size() <= bytes) text += part;
  return text;
}

// Parses on a thread of its own with a small stack, as a server's worker may have it.
std::string errors_on_small_stack(const std::string& text) {
  struct Job {
    const std::string& text;
    std::string errors;
  } job{text, ""};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, 256 * 1024) == 0);
  pthread_t thread;
  const auto run = [](void* given) -> void* {
    auto* mine = static_cast<Job*>(given);
    mine->errors = errors_of(mine->text);
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, run, &job) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  return job.errors;
}

}  // namespace

TEST_CASE("plain scalars follow the core schema and quoted ones are text") {
  CHECK(values_of("[true, False, TRUE, null, ~, 12, -3, +4, 0x1f, 0o17, 017, 1.5, 1e3, .5]") ==
        "[true,false,true,null,null,12,-3,4,31,15,17,1.5,1000.0,0.5]\n");
  CHECK(values_of("[yes, no, on, off, y, 1.2.3, 2024-01-01, 12:30, 0x, -, 1_000, tRUE]") ==
        "[\"yes\",\"no\",\"on\",\"off\",\"y\",\"1.2.3\",\"2024-01-01\",\"12:30\",\"0x\",\"-\","
        "\"1_000\",\"tRUE\"]\n");
  CHECK(values_of("[\"true\", 'null', \"12\", '']") == "[\"true\",\"null\",\"12\",\"\"]\n");
}

TEST_CASE("every value knows its place, a member that of its key") {
  const ParsedFile parsed =
      parse_file("a.yml", "x: 1\nlist:\n  - port: 80\n    to:\n  -\nenv: {A.B: c}\n");
  REQUIRE(parsed.documents.size() == 1);
  const Document& document = parsed.documents[0];
  CHECK(document.where("").text() == "a.yml:1:1");
  CHECK(document.where("list").text() == "a.yml:2:1");
  CHECK(document.where("list[0]").text() == "a.yml:3:5");
  CHECK(document.where("list[0].to").text() == "a.yml:4:5");
  CHECK(document.where("env.A.B").text() == "a.yml:6:7");
  // What is not there has the place of what it would stand in.
  CHECK(document.where("list[0].from.deep[3]").text() == "a.yml:3:5");
  CHECK(document.where("nothing").text() == "a.yml:1:1");
  // An empty item has no mark of its own, and the next line is another value's.
  CHECK(document.where("list[1]").text() == "a.yml:3:3");
}

TEST_CASE("a number keeps its spelling where JSON would write it otherwise") {
  const ParsedFile parsed = parse_file("a.yml", "a: 1.50\nb: 0x1F\nc: 7\nd: True\ne: '1.50'\n");
  REQUIRE(parsed.documents.size() == 1);
  const std::map<std::string, std::string> expected{{"a", "1.50"}, {"b", "0x1F"}, {"d", "True"}};
  CHECK(parsed.documents[0].spellings == expected);
}

TEST_CASE("several documents are read and empty ones are left out") {
  CHECK(values_of("# nothing\n---\na: 1\n---\n# only this\n---\nb: 2\n...\n") ==
        "{\"a\":1}\n{\"b\":2}\n");
  CHECK(values_of("") == "");
  CHECK(values_of("# comment\n") == "");
  CHECK(errors_of("# comment\n") == "");
}

TEST_CASE("an error in one document hurts none of the others, and places count on") {
  const ParsedFile parsed =
      parse_file("a.yml", "a: 1\n---\nb: \"open\n---\nc: 3\nc: 4\n---\nd: 5\n");
  REQUIRE(parsed.documents.size() == 2);
  CHECK(parsed.documents[0].value.dump() == "{\"a\":1}");
  CHECK(parsed.documents[1].value.dump() == "{\"d\":5}");
  CHECK(parsed.documents[1].where("d").text() == "a.yml:8:1");
  REQUIRE(parsed.broken.size() == 2);
  CHECK_FALSE(parsed.broken[0].whole);
  CHECK(parsed.broken[1].whole);
  CHECK(parsed.broken[1].read.value.dump() == "{\"c\":3}");
  REQUIRE(parsed.errors.size() == 2);
  CHECK(parsed.errors[0].text() == "a.yml:3:4: a quote is not closed");
  CHECK(parsed.errors[1].text() == "a.yml:6:1: c: this key stands here twice");
}

TEST_CASE("JSON is read as the YAML it is, with tabs, escaped slashes and surrogates") {
  CHECK(values_of("{\n\t\"a\": \"x\\/y\",\n\t\"b\": [\n\t\t1,\n\t\ttrue\n\t]\n}\n") ==
        "{\"a\":\"x/y\",\"b\":[1,true]}\n");
  CHECK(values_of("{\"a\": \"\\ud83d\\ude00\", \"b\": \"\\\\ud83d\\\\ude00\"}") ==
        "{\"a\":\"\xf0\x9f\x98\x80\",\"b\":\"\\\\ud83d\\\\ude00\"}\n");
}

TEST_CASE("line ends of Windows and a byte order mark are taken") {
  CHECK(values_of("\xef\xbb\xbf"
                  "a: 1\r\nb: |\r\n  x\r\n  y\r\n") == "{\"a\":1,\"b\":\"x\\ny\\n\"}\n");
}

TEST_CASE("bytes that are no text are refused with their place") {
  CHECK(errors_of("a: 1\nb: \xff\n") == "a.yml:2:4: is not UTF-8: found the byte 0xff\n");
  CHECK(errors_of("a: \xc0\xaf\n") == "a.yml:1:4: is not UTF-8: found the byte 0xc0\n");
  CHECK(errors_of("a: \xed\xa0\x80\n") == "a.yml:1:4: is not UTF-8: found the byte 0xed\n");
  CHECK(errors_of("a: \xf4\x90\x80\x80\n") == "a.yml:1:4: is not UTF-8: found the byte 0xf4\n");
  CHECK(errors_of("a: \xe2\x82") == "a.yml:1:4: is not UTF-8: found the byte 0xe2\n");
  CHECK(errors_of(std::string("a: \0b\n", 6)) ==
        "a.yml:1:4: control characters are not allowed: found the byte 0x00\n");
  CHECK(errors_of("a: x\rb: y\n") ==
        "a.yml:1:5: control characters are not allowed: found the byte 0x0d\n");
  CHECK(errors_of("a: \x1b[31m\n") ==
        "a.yml:1:4: control characters are not allowed: found the byte 0x1b\n");
  CHECK(errors_of("a: \xc2\x9b\n") ==
        "a.yml:1:4: control characters are not allowed: found the byte 0x9b\n");
  CHECK(errors_of(std::string("\xff\xfe"
                              "a\0",
                              4)) == "a.yml:1:1: is UTF-16: save it as UTF-8\n");
  CHECK(errors_of("\x7f"
                  "ELF") == "a.yml:1:1: control characters are not allowed: found the byte 0x7f\n");
  CHECK(values_of("a: \"ü€😀\"\n") == "{\"a\":\"ü€😀\"}\n");
}

TEST_CASE("escapes bring in no control characters") {
  CHECK(errors_of("a: \"\\x00\"\n") == "a.yml:1:4: control characters are not allowed\n");
  CHECK(errors_of("a: \"\\e[0m\"\n") == "a.yml:1:4: control characters are not allowed\n");
  CHECK(errors_of("a: \"\\N\"\n") == "a.yml:1:4: control characters are not allowed\n");
  CHECK(errors_of("\"a\\nb\": c\n") == "a.yml:1:1: a key must be one line without tabs\n");
  CHECK(values_of("a: \"x\\ty\\n\"\n") == "{\"a\":\"x\\ty\\n\"}\n");
}

TEST_CASE("tabs for indentation are named as such") {
  CHECK(errors_of("a:\n\tb: 1\n").find("tabs cannot indent YAML") != std::string::npos);
  CHECK(errors_of("---\na: 1\n---\na:\n  b: 1\n\tc: 1\n").find("tabs cannot indent YAML") !=
        std::string::npos);
}

TEST_CASE("what could build a bomb or hide a value is refused, all at once") {
  CHECK(
      errors_of("a: &x 1\nb: *x\n<<: {c: 1}\nd: !!str 1\ne: !tag [1]\n? [f]\n: 1\n2: g\n~: h\n") ==
      "a.yml:1:4: anchors (&name) are not allowed\n"
      "a.yml:2:4: aliases (*name) are not allowed: write the value out\n"
      "a.yml:3:1: merge keys (<<) are not allowed: write the values out\n"
      "a.yml:4:4: tags (!name) are not allowed\n"
      "a.yml:5:4: tags (!name) are not allowed\n"
      "a.yml:6:3: a key must be text, not a list or a map\n"
      "a.yml:8:1: a key must be text: quote 2\n"
      "a.yml:9:1: a key must be text\n");
  CHECK(errors_of("a: ! 12\n") == "a.yml:1:4: tags (!name) are not allowed\n");
  CHECK(errors_of("a: *nobody\n") ==
        "a.yml:1:4: aliases (*name) are not allowed: write the value out, or quote it\n");
}

TEST_CASE("keys that stand twice are refused at every level") {
  CHECK(errors_of("a: {b: 1, b: 2}\nc: 1\n'c': 2\n") ==
        "a.yml:1:11: a.b: this key stands here twice\n"
        "a.yml:3:1: c: this key stands here twice\n");
}

TEST_CASE("the limits hold at their edges") {
  ParseLimits limits;
  limits.bytes_max = 8;
  CHECK(errors_of("a: 12345", limits) == "");
  CHECK(errors_of("a: 123456", limits) == "a.yml: is larger than 8: split it\n");
  limits = {};
  limits.depth_max = 3;
  CHECK(errors_of("[[[1]]]", limits) == "");
  CHECK(errors_of("[[[[1]]]]", limits) == "a.yml:1:4: is nested deeper than 3 levels\n");
  limits = {};
  limits.nodes_max = 5;
  CHECK(errors_of("a: [1, 2]", limits) == "");
  CHECK(errors_of("a: [1, 2, 3]", limits) == "a.yml:1:11: has more than 5 values\n");
}

TEST_CASE("the default limits are 1 MiB, 32 levels and 50,000 values") {
  CHECK(errors_of("a: " + std::string((1 << 20) - 3, 'x')) == "");
  CHECK(errors_of("a: " + std::string((1 << 20) - 2, 'x')) ==
        "a.yml: is larger than 1M: split it\n");
  CHECK(errors_of(std::string(32, '[') + std::string(32, ']')) == "");
  CHECK(errors_of(std::string(33, '[') + std::string(33, ']')) ==
        "a.yml:1:33: is nested deeper than 32 levels\n");
  CHECK(errors_of(repeated("- a\n", 4 * 49'999)) == "");
  CHECK(errors_of(repeated("- a\n", 4 * 50'000)) == "a.yml:50000:3: has more than 50000 values\n");
}

TEST_CASE("a megabyte of nesting is refused on a small stack") {
  constexpr std::size_t most = 1 << 20;
  const std::string too_deep = "is nested deeper than 32 levels\n";
  CHECK(errors_on_small_stack(repeated("[", most)) == "a.yml:1:257: " + too_deep);
  CHECK(errors_on_small_stack(repeated("{a: ", most)) == "a.yml:1:1025: " + too_deep);
  CHECK(errors_on_small_stack(repeated("- ", most)) == "a.yml:1:65: " + too_deep);
  CHECK(errors_on_small_stack(repeated("? ", most)).find("a.yml:1:65: " + too_deep) !=
        std::string::npos);
  // The brackets in quotes close none, so only their number tells.
  CHECK(errors_on_small_stack(repeated("[ \"]\", ", most)) ==
        "a.yml:1:350001: has more than 50000 values\n");
  CHECK(errors_on_small_stack(repeated("---\n- a\n", most)) ==
        "a.yml: has more than 1000 documents\n");
}

TEST_CASE("what multiplies within the limits is refused") {
  std::string keys;
  for (int i = 0; i < 1001; ++i) keys += "k" + std::to_string(i) + ": 1\n";
  CHECK(errors_of(keys) == "a.yml:1001:1: a map has more than 1000 keys\n");
  CHECK(errors_of(std::string(257, 'k') + ": 1\n") ==
        "a.yml:1:1: a key has at most 256 characters\n");
  std::string deep;
  for (int i = 0; i < 30; ++i) deep += "{" + std::string(250, 'k') + ": ";
  CHECK(errors_of(deep + "[" + repeated("1,", 80'000) + "]" + std::string(30, '}'))
            .find("has too many values below long keys") != std::string::npos);
  CHECK(errors_of("[" + repeated(",", 200'000) + "]") ==
        "a.yml:1:100001: has more than 50000 values\n");
}

TEST_CASE("errors of syntax say what to do") {
  CHECK(errors_of("a: [1, 2\nb: 3\n") == "a.yml:1:4: \"[\" is not closed\n");
  CHECK(errors_of("a: @b\n") == "a.yml:1:4: text cannot begin with this character: quote it\n");
  CHECK(errors_of("{a: 1}\n{b: 2}\n") ==
        "a.yml:2:1: the document ended before this: begin another with ---\n");
  CHECK(values_of("{a: 1}\n{b: 2}\n") == "");
}

TEST_CASE("a file that ends within quotes is refused, as a half-written one may") {
  CHECK(errors_of("a: \"b\n") == "a.yml:1:4: a quote is not closed\n");
  CHECK(errors_of("a: \"b\nc: d\n") == "a.yml:1:4: a quote is not closed\n");
  CHECK(errors_of("a: 'it''s\n") == "a.yml:1:4: a quote is not closed\n");
  CHECK(errors_of("a: \"b\\\"\n") == "a.yml:1:4: a quote is not closed\n");
  CHECK(errors_of("a: \"b").find("a quote is not closed") != std::string::npos);
  CHECK(values_of("a: 'it''s'\nb: \"\\\\\"\nc: ''\nd: \"ü\\\"\"\n") ==
        "{\"a\":\"it's\",\"b\":\"\\\\\",\"c\":\"\",\"d\":\"ü\\\"\"}\n");
}
