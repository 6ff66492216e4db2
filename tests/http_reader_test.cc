#include "reconciler/live/http_reader.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace fairlead::live {
namespace {

const std::string ok = "HTTP/1.1 200 OK\r\n";
const std::string in_chunks = ok + "Transfer-Encoding: chunked\r\n\r\n";

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

struct Read {
  std::string error, body;
  int status = 0;
  bool complete = false, keep_alive = false;
  std::map<std::string, std::string> headers;

  bool operator==(const Read&) const = default;
};

// What comes of a text in pieces of `size` bytes, and of the connection's end behind it.
Read read(const std::string& text, bool to_head = false, std::size_t size = 1u << 20) {
  Read read;
  const HttpReader::HeadersSeen headers = [](int) { return true; };
  const HttpReader::PieceSeen piece = [&](const char* data, std::size_t bytes) {
    read.body.append(data, bytes);
    return true;
  };
  HttpReader reader(to_head, headers, piece);
  bool more = true;
  for (std::size_t at = 0; more && at < text.size(); at += size)
    more = reader.feed(std::string_view(text).substr(at, size));
  if (more) reader.end();
  read.error = reader.error();
  read.status = reader.status();
  read.complete = reader.complete();
  read.keep_alive = reader.keep_alive();
  read.headers = reader.headers();
  return read;
}

// The same by bytes as in one piece; but for what comes behind an answer, which one by one nobody
// reads.
Read read_both(const std::string& text, bool to_head = false) {
  const Read whole = read(text, to_head);
  // Of several faults another one may be met first, and what sends no whole line is waited for.
  const Read bytewise = read(text, to_head, 1);
  CHECK(bytewise.complete == whole.complete);
  if (whole.complete) CHECK(bytewise.body == whole.body);
  CHECK(read(text, to_head, 7).headers == whole.headers);
  return whole;
}

TEST_CASE("an answer ends where its status, its length, its chunks or the connection says") {
  struct Row {
    std::string text, body;
    bool keep_alive = true, to_head = false;
  };
  const std::vector<Row> rows = {
      {ok + "Content-Length: 5\r\n\r\nhello", "hello"},
      {ok + "content-LENGTH:5\r\n\r\nhello", "hello"},
      {ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "hello"},
      {ok + "Content-Length: 0\r\n\r\n", ""},
      {ok + "\r\nup to the end", "up to the end", false},
      {ok + "Transfer-Encoding: gzip\r\n\r\nraw", "raw", false},
      {in_chunks + "5\r\nhello\r\n6;a=b;c=\"d\"\r\n world\r\n0\r\nChecksum: 1\r\n\r\n",
       "hello world"},
      {ok + "Transfer-Encoding: gzip, Chunked\r\n\r\n00A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
      {in_chunks + "0\r\n\r\n", ""},
      {ok + "Content-Length: 5\r\n\r\n", "", true, true},
      {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", ""},
      {"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", ""},
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "", false},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + ok +
           "Content-Length: 2\r\n\r\nhi",
       "hi"},
      {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi", false},
      {ok + "Connection: Foo , CLOSE\r\nContent-Length: 2\r\n\r\nhi", "hi", false},
      {ok + "Content-Length: 2\r\n\r\nhi and more", "hi", false},
      {"HTTP/1.1 200 \r\nA: b\r\n folded\r\nContent-Length: 2\r\n\r\nhi", "hi"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Read seen = read_both(row.text, row.to_head);
    CHECK(seen.complete);
    CHECK(seen.error == "");
    CHECK(seen.body == row.body);
    CHECK(seen.keep_alive == row.keep_alive);
  }
}

TEST_CASE("a compressed body stays the bytes that were sent") {
  const std::string zipped("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\x04\x00", 14);
  CHECK(read_both(ok + "Content-Encoding: gzip\r\nContent-Length: 14\r\n\r\n" + zipped).body ==
        zipped);
}

TEST_CASE("the headers of a registry's conversation are kept, of the answer itself only") {
  const Read seen = read_both("HTTP/1.1 103 Early Hints\r\nLink: <early>\r\n\r\n" + ok +
                              "WWW-Authenticate: Basic\r\nLink:  <a> \r\nlink: <b>\r\n"
                              "Retry-After: 7\r\nServer: x\r\nContent-Length: 0\r\n\r\n");
  CHECK(seen.headers == std::map<std::string, std::string>{{"www-authenticate", "Basic"},
                                                           {"link", "<a>, <b>"},
                                                           {"retry-after", "7"}});
}

TEST_CASE("what HTTP leaves without a bound is refused where it passes ours, and not before") {
  const std::string long_line = "X: " + std::string(8192 - 1, 'x') + "\r\n";
  const std::string lines = repeated("A: b\r\n", 99);
  const std::string kib = "A: " + std::string(1024 - 5, 'b') + "\r\n";
  const std::string hi = "Content-Length: 2\r\n\r\nhi";
  const auto status = [](std::size_t reason) {
    return "HTTP/1.1 200 " + std::string(reason, 'A') + "\r\n";
  };
  for (const std::string& good :
       {status(8192) + hi, ok + long_line + hi, ok + lines + hi, ok + repeated(kib, 63) + hi,
        in_chunks + "2;" + std::string(8192 - 8, 'e') + "\r\nhi\r\n0\r\n" +
            repeated("A: b\r\n", 98) + "\r\n",
        repeated("HTTP/1.1 102 Processing\r\n" + lines + "\r\n", 10) + ok + hi}) {
    CHECK(read_both(good).body == "hi");
  }
  const std::string endless(200'000, 'A');
  const std::vector<std::pair<std::string, std::string>> bad = {
      {status(8193) + hi, "the status line is longer than 8192 bytes"},
      {status(30'000) + hi, "the status line is longer than 8192 bytes"},
      {"HTTP/1.1 200 " + endless, "the header is longer than 65536 bytes"},
      {ok + "X" + long_line + hi, "a header line is longer than 8192 bytes"},
      {ok + endless, "the header is longer than 65536 bytes"},
      {ok + lines + "A: b\r\n" + hi, "more than 100 header lines"},
      {ok + repeated("A: b\r\n", 250'000), "more than 100 header lines"},
      {ok + repeated(kib, 90) + hi, "the header is longer than 65536 bytes"},
      {in_chunks + "2;" + endless, "the line of a chunk's size is longer than 8192 bytes"},
      {in_chunks + std::string(20'000, '1'),
       "the line of a chunk's size is longer than 8192 bytes"},
      {in_chunks + repeated("1;" + std::string(1022, 'e') + "\r\nZ\r\n", 66),
       "the extensions of chunks are longer than 65536 bytes"},
      {in_chunks + "0\r\nX" + long_line + "\r\n", "a header line is longer than 8192 bytes"},
      {in_chunks + "0\r\n" + lines + "A: b\r\n\r\n", "more than 100 header lines"},
      {in_chunks + "0\r\n" + repeated(kib, 70), "the trailer is longer than 65536 bytes"},
      {repeated("HTTP/1.1 100 Continue\r\n\r\n", 11) + ok + hi, "more than 10 interim answers"},
  };
  for (const auto& [text, error] : bad) {
    CAPTURE(text.substr(0, 60));
    const Read seen = read_both(text);
    CHECK(seen.error == error);
    CHECK_FALSE(seen.complete);
  }
}

TEST_CASE("what makes no sense is no answer, and says what it was, in short and printable") {
  const auto none = [](const std::string& why, const std::string& text) {
    return "it is no HTTP (" + why + "): '" + text + "'";
  };
  const std::string length = "Content-Length: ";
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"\r\n" + ok + "\r\n", none("bad version", "")},
      {"garbage\x1b[2J" + ok + "\r\n", none("bad version", "garbage?[2JHTTP/1.1 200 OK")},
      {std::string(100, 'x') + "\r\n\r\n", none("bad version", std::string(60, 'x'))},
      {"HTTP/2 200\r\n\r\n", none("bad version", "HTTP/2 200")},
      {"HTTP/1.2 200 OK\r\n\r\n", none("bad version", "HTTP/1.2 200 OK")},
      {"HTTP/1.1 200\r\n\r\n", none("bad status", "HTTP/1.1 200")},
      {"HTTP/1.1 2000 OK\r\n\r\n", none("bad status", "HTTP/1.1 2000 OK")},
      {"HTTP/1.1 000 OK\r\n\r\n", "its status is 0"},
      {ok + "no header\r\n\r\n", none("bad field", "no header")},
      {ok + "C: \x01\r\n\r\n", none("bad value", "C: ?")},
      {ok + length + "-5\r\n\r\n", none("bad Content-Length", length + "-5")},
      {ok + length + "0x5\r\n\r\n", none("bad Content-Length", length + "0x5")},
      {ok + length + "1\r\n" + length + "2\r\n\r\n", none("bad Content-Length", length + "2")},
      {ok + length + "99999999999999999999\r\n\r\n",
       none("bad Content-Length", length + "99999999999999999999")},
      // A request smuggler's.
      {ok + length + "3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
       none("bad Transfer-Encoding", "Transfer-Encoding: chunked")},
      {in_chunks + "5\r\nhello!\r\n0\r\n\r\n", none("bad chunk", "!")},
      {in_chunks + "-1\r\n", none("bad chunk", "-1")},
      {in_chunks + ";a=b\r\n", none("bad chunk", ";a=b")},
      {in_chunks + "FFFFFFFFFFFFFFFFF\r\n", none("bad chunk", "FFFFFFFFFFFFFFFFF")},
  };
  for (const auto& [text, error] : bad) {
    CAPTURE(text);
    const Read seen = read_both(text);
    CHECK(seen.error == error);
    CHECK_FALSE(seen.complete);
  }
}

TEST_CASE("an answer that is cut off anywhere is not complete") {
  for (const std::string& whole :
       {ok + "Content-Length: 5\r\n\r\nhello",
        in_chunks + "5\r\nhello\r\n3\r\n, y\r\n0\r\nA: b\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 1\r\n\r\na"}) {
    REQUIRE(read(whole).complete);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Read seen = read(whole.substr(0, size));
      CHECK_MESSAGE(!seen.complete, whole.substr(0, size));
      CHECK(seen.error == "");
    }
  }
}

TEST_CASE("whoever is asked about headers and pieces can end the reading") {
  bool at_headers = false;
  const HttpReader::HeadersSeen headers = [&](int) { return !at_headers; };
  const HttpReader::PieceSeen piece = [](const char*, std::size_t) { return false; };
  for (const bool early : {true, false}) {
    at_headers = early;
    HttpReader reader(false, headers, piece);
    CHECK_FALSE(reader.feed(ok + "Content-Length: 5\r\n\r\nhello"));
    CHECK(reader.status() == 200);
    CHECK_FALSE(reader.complete());
    CHECK(reader.error() == "");
  }
}

}  // namespace
}  // namespace fairlead::live
