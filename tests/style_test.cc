#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

// The rules of CONTRIBUTING.md that a machine can check. Every complaint reads "FILE:LINE: WHAT".
namespace {

constexpr std::size_t columns_max = 100;
constexpr int function_lines_limit = 70;  // these four: the first number that is refused
constexpr int file_lines_limit = 500;
constexpr int header_lines_limit = 200;

const std::string to_do =
    "TO"
    "DO";  // in two, or this file would break its own rule

struct Source {
  std::string path;  // relative to the project
  std::string text;
};

using Complaints = std::vector<std::string>;

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool begins_with(const std::string& text, const std::string& begin) {
  return text.compare(0, begin.size(), begin) == 0;
}

bool is_header(const Source& source) { return ends_with(source.path, ".h"); }
bool is_cpp(const Source& source) { return is_header(source) || ends_with(source.path, ".cc"); }

std::string complaint(const Source& source, int line, const std::string& what) {
  return source.path + ":" + std::to_string(line) + ": " + what;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

int line_at(const std::string& text, std::size_t offset) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(offset);
  return 1 + static_cast<int>(std::count(text.begin(), end, '\n'));
}

std::size_t columns(const std::string& line) {
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// Where the comment, literal or preprocessor line that begins at `at` ends; `at` if none does.
std::size_t end_of_non_code(const std::string& text, std::size_t at) {
  const auto after = [&](const std::string& end, std::size_t from) {
    const std::size_t found = text.find(end, from);
    return found == std::string::npos ? text.size() : found + end.size();
  };
  const bool in_word = at > 0 && (std::isalnum(static_cast<unsigned char>(text[at - 1])) != 0);
  if (text.compare(at, 2, "//") == 0) return std::min(text.find('\n', at), text.size());
  if (text.compare(at, 2, "/*") == 0) return after("*/", at + 2);
  if (text.compare(at, 2, "R\"") == 0) {
    const std::size_t open = std::min(text.find('(', at), text.size());
    return after(")" + text.substr(at + 2, open - at - 2) + "\"", open);
  }
  if (text[at] == '"' || (text[at] == '\'' && !in_word)) {
    std::size_t end = at + 1;
    while (end < text.size() && text[end] != text[at]) end += text[end] == '\\' ? 2 : 1;
    return std::min(end + 1, text.size());
  }
  if (text[at] == '#') {
    std::size_t end = at;
    while (end < text.size() && (text[end] != '\n' || text[end - 1] == '\\')) ++end;
    return end;
  }
  return at;
}

// The same text with everything but code blanked out; lines and offsets stay.
std::string code_of(const std::string& text) {
  std::string code = text;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = end_of_non_code(text, at);
    for (std::size_t i = at; i < end; ++i) {
      if (code[i] != '\n') code[i] = ' ';
    }
    at = std::max(end, at + 1);
  }
  return code;
}

std::size_t closing_brace(const std::string& code, std::size_t open) {
  int depth = 0;
  for (std::size_t at = open; at < code.size(); ++at) {
    if (code[at] == '{') ++depth;
    if (code[at] == '}' && --depth == 0) return at;
  }
  return code.size();
}

bool opens_function(const std::string& head) {
  static const std::regex type(R"(^(class|struct|union|enum|namespace)\b)");
  return head.find(')') != std::string::npos && !std::regex_search(head, type);
}

struct Function {
  int line;   // of its first line
  int lines;  // up to the closing brace
};

std::vector<Function> functions_of(const std::string& code) {
  std::vector<Function> found;
  std::size_t head = std::string::npos;  // where the present declaration begins
  for (std::size_t at = 0; at < code.size(); ++at) {
    if (code[at] == '{' && head != std::string::npos &&
        opens_function(code.substr(head, at - head))) {
      at = closing_brace(code, at);
      const std::size_t next = code.find_first_not_of(" \n", at + 1);
      // A member's initialiser: the body comes behind it.
      if (next != std::string::npos && (code[next] == '{' || code[next] == ',')) continue;
      found.push_back({line_at(code, head), line_at(code, at) - line_at(code, head) + 1});
      head = std::string::npos;
    } else if (code[at] == '{' || code[at] == '}' || code[at] == ';') {
      head = std::string::npos;
    } else if (head == std::string::npos &&
               std::isspace(static_cast<unsigned char>(code[at])) == 0) {
      head = at;
    }
  }
  return found;
}

void check_lengths(const Source& source, Complaints& complaints) {
  const auto lines = lines_of(source.text);
  const int limit = is_header(source) ? header_lines_limit : file_lines_limit;
  if (static_cast<int>(lines.size()) >= limit) {
    complaints.push_back(complaint(source, limit,
                                   "a file of " + std::to_string(lines.size()) +
                                       " lines, fewer than " + std::to_string(limit) +
                                       " are allowed"));
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (columns(lines[i]) > columns_max) {
      complaints.push_back(complaint(source, static_cast<int>(i) + 1, "longer than 100 columns"));
    }
  }
}

void check_functions(const Source& source, Complaints& complaints) {
  for (const auto& function : functions_of(code_of(source.text))) {
    if (function.lines < function_lines_limit) continue;
    complaints.push_back(complaint(
        source, function.line,
        "a function of " + std::to_string(function.lines) + " lines, fewer than 70 are allowed"));
  }
}

void check_to_dos(const Source& source, Complaints& complaints) {
  static const std::regex issue(R"(#[0-9]+)");
  const auto lines = lines_of(source.text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find(to_do) == std::string::npos || std::regex_search(lines[i], issue)) continue;
    complaints.push_back(complaint(source, static_cast<int>(i) + 1,
                                   "a " + to_do + " without the number of its issue (#N)"));
  }
}

// The seam: only live/ and the tests may reach sockets, processes and the like.
void check_includes(const Source& source, Complaints& complaints) {
  static const std::regex outside(
      R"(^\s*#\s*include\s*[<"](boost/asio|asio|httplib|mysql|mariadb|spdlog|spawn|sys/inotify))");
  // The programs of example images stand for themselves.
  for (const char* free : {"reconciler/live/", "tests/", "deploy/images/"}) {
    if (begins_with(source.path, free)) return;
  }
  const auto lines = lines_of(source.text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!std::regex_search(lines[i], outside)) continue;
    complaints.push_back(complaint(source, static_cast<int>(i) + 1,
                                   "only reconciler/live/ and tests/ may include this"));
  }
}

void check_shell(const Source& source, Complaints& complaints) {
  static const std::regex call(R"((^|[^A-Za-z0-9_.>])(system|popen|execlp|execvp|execvpe)\s*\()");
  const auto lines = lines_of(code_of(source.text));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!std::regex_search(lines[i], call)) continue;
    complaints.push_back(complaint(source, static_cast<int>(i) + 1,
                                   "no shell and no search in PATH: run programs by posix_spawn"));
  }
}

// What a header represents must be said before its first declaration; forward ones do not count.
void check_header(const Source& source, Complaints& complaints) {
  static const std::regex forward(R"(namespace [\w:]+ \{\n((class|struct) \w+;\n)+\}[^\n]*\n)");
  const auto lines = lines_of(std::regex_replace(source.text, forward, ""));
  if (lines.empty() || lines[0] != "#pragma once") {
    complaints.push_back(complaint(source, 1, "a header begins with #pragma once"));
  }
  const auto speaks = std::find_if(lines.begin(), lines.end(), [](const std::string& line) {
    const bool opening = begins_with(line, "namespace ") || begins_with(line, "#");
    return !line.empty() && (!opening || begins_with(line, "#define"));
  });
  if (speaks == lines.end() || !begins_with(*speaks, "//")) {
    complaints.push_back(complaint(source, 1, "a header opens with what it represents"));
  }
}

Complaints complaints_about(const Source& source) {
  Complaints complaints;
  check_lengths(source, complaints);
  check_to_dos(source, complaints);
  if (!is_cpp(source)) return complaints;
  check_functions(source, complaints);
  check_includes(source, complaints);
  check_shell(source, complaints);
  if (is_header(source)) check_header(source, complaints);
  return complaints;
}

// All C++ files, and all scripts.
std::vector<Source> sources_of_the_project() {
  namespace fs = std::filesystem;
  std::vector<Source> sources;
  const fs::path root = FAIRLEAD_SOURCE_DIR;
  for (const char* folder : {"reconciler", "providers", "tests", "deploy"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::istreambuf_iterator<char> begin(file);
      Source source{fs::relative(entry.path(), root).string(), {begin, {}}};
      if (is_cpp(source) || begins_with(source.text, "#!")) sources.push_back(std::move(source));
    }
  }
  return sources;
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

Complaints about(const std::string& path, const std::string& text) {
  return complaints_about({path, text});
}

}  // namespace

TEST_CASE("the sources keep the rules of style") {
  const auto sources = sources_of_the_project();
  REQUIRE(sources.size() > 10);
  for (const auto& source : sources) {
    for (const auto& text : complaints_about(source)) FAIL_CHECK(text);
  }
}

TEST_CASE("the style check measures functions, with initialisers, templates and test cases") {
  const auto lines = [](const std::string& text) {
    std::vector<int> found;
    for (const auto& function : functions_of(code_of(text))) found.push_back(function.lines);
    return found;
  };
  const std::string body = "{\n" + repeated("  x();\n", 3) + "}\n";
  CHECK(lines("namespace a {\nstruct B {\n  int c = 0;\n};\n}\n") == std::vector<int>{});
  CHECK(lines("namespace a {\nint f(int b) " + body + "}\n") == std::vector<int>{5});
  CHECK(lines("template <class T>\nT f(T a) " + body) == std::vector<int>{6});
  CHECK(lines("B::B(int a) : b_{a}, c_{a} " + body) == std::vector<int>{5});
  CHECK(lines("TEST_CASE(\"a { sentence\") " + body + "int g() { return 1'0; }\n") ==
        std::vector<int>{5, 1});
  CHECK(lines("class A {\n public:\n  int f() const " + body + "};\n") == std::vector<int>{6});
}

TEST_CASE("the style check refuses what is too long, and only that") {
  CHECK(about("a.cc", "void f() {\n" + repeated("  x();\n", 67) + "}\n").empty());
  CHECK(about("a.cc", "void f() {\n" + repeated("  x();\n", 68) + "}\n") ==
        Complaints{"a.cc:1: a function of 70 lines, fewer than 70 are allowed"});
  CHECK(about("a.cc", repeated("\n", 499)).empty());
  CHECK(about("a.cc", repeated("\n", 500)).size() == 1);
  const std::string opening = "#pragma once\n// What it is.\n";
  CHECK(about("a.h", opening + repeated("\n", 197)).empty());
  CHECK(about("a.h", opening + repeated("\n", 198)).size() == 1);
  CHECK(about("a.cc", "// " + repeated("…", 97) + "\n").empty());
  CHECK(about("a.cc", "// " + repeated("…", 98) + "\n") ==
        Complaints{"a.cc:1: longer than 100 columns"});
}

TEST_CASE("the style check keeps sockets and processes behind the seam") {
  for (const char* header : {"<boost/asio.hpp>", "<httplib.h>", "<spdlog/spdlog.h>", "<spawn.h>",
                             "<sys/inotify.h>", "<mysql/mysql.h>"}) {
    const std::string text = std::string("#include ") + header + "\n";
    CHECK_MESSAGE(about("reconciler/diff.cc", text).size() == 1, header);
    CHECK_MESSAGE(about("reconciler/live/world.cc", text).empty(), header);
  }
  CHECK(about("reconciler/diff.cc", "#include <string>\n").empty());
}

TEST_CASE("the style check refuses a shell, but not the word") {
  CHECK(about("reconciler/live/a.cc", "int f() { return std::system(a); }\n").size() == 1);
  CHECK(about("tests/a.cc", "int f() { return popen(a); }\n").size() == 1);
  CHECK(
      about("a.cc", "// system(a)\nconst char* b = \"popen(\";\nint c = my_system(a);\n").empty());
  CHECK(about("a.cc", "const char* b = R\"x(\" system(a) )x\";\nint c = d.system(a);\n").empty());
}

TEST_CASE("the style check wants every header to say what it is") {
  CHECK(about("a.h", "#pragma once\n\n#include <b>\n\n// What it is.\nint c;\n").empty());
  CHECK(about("a.h", "#pragma once\nnamespace b {\nclass C;\n}\n\n// What it is.\n").empty());
  CHECK(about("a.h", "#pragma once\nnamespace b {\n\n// What it is.\nint c;\n}\n").empty());
  CHECK(about("a.h", "#pragma once\nnamespace b {\nint c;\n// Too late.\n}\n").size() == 1);
  CHECK(about("a.h", "#pragma once\n#define B\n// Too late.\n").size() == 1);
  CHECK(about("a.h", "#pragma once\nint c;\n// Too late.\n").size() == 1);
  CHECK(about("a.h", "// What it is.\n#pragma once\n").size() == 1);
}

TEST_CASE("the style check wants the number of an issue at what is to be done") {
  CHECK(about("a.cc", "// " + to_do + ": more\n").size() == 1);
  CHECK(about("a.cc", "// " + to_do + "(#7): more\n").empty());
  CHECK(about("tests/run", "#!/bin/bash\n# " + to_do + "\n").size() == 1);
}
