// What checkers of programming contests ask of testlib.h, written anew after its documentation: three streams to read
// from, and a verdict as exit status. It stands before a checker in place of its `#include "testlib.h"`.
//
// What it does not cover does not compile, or gives points: then the output is not judged.
//
// Covered: registerTestlibCmd, inf, ouf, ans with their read functions, quitf and its kin, doubleCompare, and the small
// helpers on text. Not covered: validators, generators, interactors, patterns of readToken and readLine.
#include <bits/stdc++.h>

enum TResult { _ok = 0, _wa = 1, _pe = 2, _fail = 3, _dirt = 4, _points = 5, _unexpected_eof = 8, _partially = 16 };
enum TMode { _input, _output, _answer };

[[noreturn]] inline void r1_end(TResult result, const std::string &why) {
    std::fprintf(stdout, "%s\n", why.c_str());
    std::fflush(stdout);
    std::_Exit(result == _ok ? 0 : result == _wa ? 1 : result == _fail ? 3 : result == _points ? 7 : result >= _partially ? int(result) : 2);
}

inline std::string r1_format(const char *text, va_list list) {
    char buffer[4096];
    std::vsnprintf(buffer, sizeof buffer, text, list);
    return buffer;
}
#define R1_FORMATTED(text, made) \
    va_list r1_list;             \
    va_start(r1_list, text);     \
    std::string made = r1_format(text, r1_list); \
    va_end(r1_list)

inline std::string format(const char *text, ...) { R1_FORMATTED(text, made); return made; }
inline bool isBlanks(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
inline bool isEof(int c) { return c == EOF; }
inline bool isEoln(int c) { return c == '\n' || c == '\r'; }

struct InStream {
    std::string text;
    size_t place = 0;
    TMode mode = _input;
    bool strict = false;

    void open(const char *path, TMode what) {
        mode = what;
        std::ifstream file(path, std::ios::binary);
        if (!file) r1_end(_fail, std::string("cannot read ") + path);
        text.assign(std::istreambuf_iterator<char>(file), {});
    }
    // What is wrong with the input or the answer is no fault of the output.
    [[noreturn]] void quit(TResult result, const std::string &why);
    [[noreturn]] void quitf(TResult result, const char *why, ...) { R1_FORMATTED(why, made); quit(result, made); }
    void quitif(bool condition, TResult result, const char *why, ...) {
        R1_FORMATTED(why, made);
        if (condition) quit(result, made);
    }
    void ensuref(bool condition, const char *why, ...) {
        R1_FORMATTED(why, made);
        if (!condition) quit(_wa, made);
    }
    void ensure(bool condition) { if (!condition) quit(_wa, "a condition does not hold"); }

    int curChar() const { return place < text.size() ? (unsigned char)text[place] : EOF; }
    int nextChar() { int c = curChar(); if (c != EOF) place++; return c; }
    char readChar() { int c = nextChar(); if (c == EOF) quit(_unexpected_eof, "unexpected end of file"); return char(c); }
    char readChar(char wanted) { char c = readChar(); if (c != wanted) quit(_pe, "another character than expected"); return c; }
    char readSpace() { return readChar(' '); }
    void unreadChar(char) { if (place) place--; }
    void skipChar() { nextChar(); }
    void skipBlanks() { while (isBlanks(curChar())) place++; }
    bool eof() const { return place >= text.size(); }
    bool eoln() const { return eof() || isEoln(curChar()); }
    bool seekEof() { skipBlanks(); return eof(); }
    bool seekEoln() { while (curChar() == ' ' || curChar() == '\t') place++; return eoln(); }
    void readEoln() { if (curChar() == '\r') place++; if (nextChar() != '\n') quit(_pe, "expected the end of a line"); }
    void nextLine() { readLine(); }
    void readEof() { if (!seekEof()) quit(_pe, "expected the end of the file"); }

    std::string readWord() {
        skipBlanks();
        size_t from = place;
        while (!eof() && !isBlanks(curChar())) place++;
        if (from == place) quit(_unexpected_eof, "unexpected end of file, a word was expected");
        return text.substr(from, place - from);
    }
    std::string readToken() { return readWord(); }
    void readWordTo(std::string &word) { word = readWord(); }
    void readTokenTo(std::string &word) { word = readWord(); }
    std::string readLine() {
        if (eof()) quit(_unexpected_eof, "unexpected end of file, a line was expected");
        size_t end = text.find('\n', place), from = place;
        place = end == std::string::npos ? text.size() : end + 1;
        std::string line = text.substr(from, (end == std::string::npos ? text.size() : end) - from);
        if (!line.empty() && line.back() == '\r') line.pop_back();
        return line;
    }
    std::string readString() { return readLine(); }
    void readLineTo(std::string &line) { line = readLine(); }
    void readStringTo(std::string &line) { line = readLine(); }

    // Digits as they are written by hand: no sign but a minus, no zeros in front.
    long long readLong() {
        std::string word = readWord();
        size_t from = word[0] == '-' && word.size() > 1;
        bool plain = word.size() - from <= 19 && word.find_first_not_of("0123456789", from) == std::string::npos;
        if (!plain || (word[from] == '0' && (word.size() > 1)))
            quit(_pe, "expected an integer, found '" + word.substr(0, 60) + "'");
        errno = 0;
        long long value = std::strtoll(word.c_str(), nullptr, 10);
        if (errno) quit(_pe, "an integer out of range");
        return value;
    }
    long long readLong(long long low, long long high, const std::string &name = "") {
        long long value = readLong();
        if (value < low || value > high)
            quit(_wa, (name.empty() ? "an integer" : name) + " is " + std::to_string(value) + ", not from " + std::to_string(low) + " to " + std::to_string(high));
        return value;
    }
    unsigned long long readUnsignedLong() {
        std::string word = readWord();
        if (word.size() > 20 || word.find_first_not_of("0123456789") != std::string::npos || (word[0] == '0' && word.size() > 1))
            quit(_pe, "expected an integer from 0, found '" + word.substr(0, 60) + "'");
        errno = 0;
        unsigned long long value = std::strtoull(word.c_str(), nullptr, 10);
        if (errno) quit(_pe, "an integer out of range");
        return value;
    }
    unsigned long long readUnsignedLong(unsigned long long low, unsigned long long high, const std::string &name = "") {
        unsigned long long value = readUnsignedLong();
        if (value < low || value > high) quit(_wa, (name.empty() ? "an integer" : name) + " is out of range");
        return value;
    }
    int readInt() {
        long long value = readLong();
        if (value < INT_MIN || value > INT_MAX) quit(_pe, "an integer out of range");
        return int(value);
    }
    int readInt(int low, int high, const std::string &name = "") { return int(readLong(low, high, name)); }
    int readInteger() { return readInt(); }
    int readInteger(int low, int high, const std::string &name = "") { return readInt(low, high, name); }
    double readDouble() {
        std::string word = readWord();
        char *end = nullptr;
        double value = std::strtod(word.c_str(), &end);
        bool plain = word.find_first_not_of("0123456789.+-eE") == std::string::npos;
        if (*end || !plain || std::isnan(value)) quit(_pe, "expected a number, found '" + word.substr(0, 60) + "'");
        return value;
    }
    double readDouble(double low, double high, const std::string &name = "") {
        double value = readDouble();
        if (value < low || value > high) quit(_wa, (name.empty() ? "a number" : name) + " is out of range");
        return value;
    }
    double readReal() { return readDouble(); }
    double readReal(double low, double high, const std::string &name = "") { return readDouble(low, high, name); }
    double readStrictDouble(double low, double high, int, int, const std::string &name = "") { return readDouble(low, high, name); }
    double readStrictReal(double low, double high, int, int, const std::string &name = "") { return readDouble(low, high, name); }

    template <class F> auto times(int n, F read) { std::vector<decltype(read())> all; while (n-- > 0) all.push_back(read()); return all; }
    std::vector<int> readInts(int n) { return times(n, [&] { return readInt(); }); }
    std::vector<int> readInts(int n, int low, int high, const std::string &name = "", int = 1) { return times(n, [&] { return readInt(low, high, name); }); }
    std::vector<int> readIntegers(int n) { return readInts(n); }
    std::vector<int> readIntegers(int n, int low, int high, const std::string &name = "", int = 1) { return readInts(n, low, high, name); }
    std::vector<long long> readLongs(int n) { return times(n, [&] { return readLong(); }); }
    std::vector<long long> readLongs(int n, long long low, long long high, const std::string &name = "", int = 1) { return times(n, [&] { return readLong(low, high, name); }); }
    std::vector<double> readDoubles(int n) { return times(n, [&] { return readDouble(); }); }
    std::vector<double> readReals(int n) { return readDoubles(n); }
    std::vector<std::string> readWords(int n) { return times(n, [&] { return readWord(); }); }
    std::vector<std::string> readTokens(int n) { return readWords(n); }
    std::vector<std::string> readLines(int n) { return times(n, [&] { return readLine(); }); }
    std::vector<std::string> readStrings(int n) { return readLines(n); }
};

inline InStream inf, ouf, ans;

[[noreturn]] inline void quit(TResult result, const std::string &why) {
    // A right output with more behind it is none.
    if (result == _ok && !ouf.seekEof()) r1_end(_pe, "there is more in the output than was read");
    r1_end(result, why);
}
inline void InStream::quit(TResult result, const std::string &why) {
    if (mode != _output && result != _ok) r1_end(_fail, (mode == _input ? "the input: " : "the expected output: ") + why);
    ::quit(result, why);
}
[[noreturn]] inline void quitf(TResult result, const char *why, ...) { R1_FORMATTED(why, made); quit(result, made); }
// How many points a right output has, nobody says.
[[noreturn]] inline void quitp(double points, const char * = "", ...) { r1_end(_fail, "the checker gives points: " + std::to_string(points)); }
[[noreturn]] inline void quitpi(const std::string &points, const std::string & = "") { r1_end(_fail, "the checker gives points: " + points); }
inline void quitif(bool condition, TResult result, const char *why, ...) {
    R1_FORMATTED(why, made);
    if (condition) quit(result, made);
}
inline void ensuref(bool condition, const char *why, ...) {
    R1_FORMATTED(why, made);
    if (!condition) quit(_fail, made);
}
inline void ensure(bool condition) { if (!condition) quit(_fail, "a condition of the checker does not hold"); }
#define testlibMode 0

inline void setName(const char *, ...) {}
inline void registerTestlibCmd(int count, char *arguments[]) {
    if (count < 4) r1_end(_fail, "a checker takes INPUT OUTPUT ANSWER");
    inf.open(arguments[1], _input);
    ouf.open(arguments[2], _output);
    ans.open(arguments[3], _answer);
}

inline bool doubleCompare(double expected, double result, double most) {
    if (std::isnan(expected)) return std::isnan(result);
    if (std::isinf(expected)) return result == expected;
    if (std::isnan(result) || std::isinf(result)) return false;
    double apart = std::fabs(result - expected);
    return apart <= most + 1e-15 || apart <= most * std::fabs(expected) + 1e-15;
}
inline double doubleDelta(double expected, double result) {
    double apart = std::fabs(result - expected);
    return std::fabs(expected) > 1e-9 ? std::min(apart, std::fabs(apart / expected)) : apart;
}
template <class T> std::string toString(const T &value) { std::ostringstream made; made << value; return made.str(); }
template <class T> std::string vtos(const T &value) { return toString(value); }
template <class T> std::string toHumanReadableString(const T &value) { return toString(value); }
inline std::string compress(const std::string &text) { return text.size() <= 64 ? text : text.substr(0, 30) + "..." + text.substr(text.size() - 31); }
inline std::string trim(const std::string &text) {
    size_t from = 0, end = text.size();
    while (from < end && isBlanks((unsigned char)text[from])) from++;
    while (end > from && isBlanks((unsigned char)text[end - 1])) end--;
    return text.substr(from, end - from);
}
inline std::string upperCase(std::string text) { for (char &c : text) c = char(std::toupper((unsigned char)c)); return text; }
inline std::string lowerCase(std::string text) { for (char &c : text) c = char(std::tolower((unsigned char)c)); return text; }
inline std::string englishEnding(int n) {
    n %= 100;
    if (n / 10 == 1) return "th";
    return n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
}
inline std::vector<std::string> split(const std::string &text, char by) {
    std::vector<std::string> parts(1);
    for (char c : text) if (c == by) parts.emplace_back(); else parts.back() += c;
    return parts;
}
inline std::vector<std::string> tokenize(const std::string &text, char by) {
    std::vector<std::string> parts;
    for (auto &part : split(text, by)) if (!part.empty()) parts.push_back(part);
    return parts;
}
template <class It, class T> std::string join(It first, It end, T by) {
    std::ostringstream made;
    for (It at = first; at != end; ++at) { if (at != first) made << by; made << *at; }
    return made.str();
}
template <class C, class T> std::string join(const C &all, T by) { return join(all.begin(), all.end(), by); }
template <class C> std::string join(const C &all) { return join(all, ' '); }
template <class T> bool is_sorted_unique(const T &all) { return std::adjacent_find(all.begin(), all.end(), std::greater_equal<>()) == all.end(); }
template <class T> [[noreturn]] void expectedButFound(TResult result, T expected, T found, const char *why = "", ...) {
    R1_FORMATTED(why, made);
    quit(result, made + " expected '" + toString(expected) + "', found '" + toString(found) + "'");
}
