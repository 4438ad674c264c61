"""The table of query parameters, which the worked examples of transcoding/cases/query_params.json precede."""

from tests.rpcfront.cases.rows import Answer, Row, bad, ok


def _row(query: str, answer: Answer) -> Row:
    return Row(query, f"GET /v1/q?{query}", answer)


def _reads(query: str, **document: object) -> Row:
    return _row(query, ok(document, "GetQ"))


def _refuses(query: str, *fields: str) -> Row:
    return _row(query, bad(*fields))


READ = [
    _reads("name=a", name="a"),
    _reads("i64=-1&i32=-2&u64=3&u32=4", i64="-1", i32=-2, u64="3", u32=4),
    _reads("d=1.5&f=-0.5", d=1.5, f=-0.5),
    _reads("d=1e3", d=1000.0),
    _reads("d=NaN&f=-Infinity", d="NaN", f="-Infinity"),
    _reads("b=true", b=True),
    _reads("b=false"),
    _reads("bv=false", bv=False),
    _reads("by=%2B%2F8%3D", by="+/8="),
    _reads("color=2", color="BLUE"),
    _reads("color=7", color=7),
    _reads("rs=a&rs=b", rs=["a", "b"]),
    _reads("ri=2&ri=1", ri=[2, 1]),
    _reads("rc=RED&rc=2", rc=["RED", "BLUE"]),
    _reads("sub.s=a&sub.sub.i=5", sub={"s": "a", "sub": {"i": 5}}),
    _reads("pageSize=5", pageSize=5),
    _reads("page_size=5", pageSize=5),
    _reads("weird=a", customName="a"),
    _reads("customName=a", customName="a"),
    _reads("opt=", opt=""),
    _reads("name="),
    _reads("oa=", oa=""),
    _reads("ts=2020-01-02T03:04:05.6%2B02:00", ts="2020-01-02T01:04:05.600Z"),
    _reads("dur=1.5s", dur="1.500s"),
    _reads("dur=-3s", dur="-3s"),
    _reads("mask=name,sub.s,pageSize", mask="name,sub.s,pageSize"),
    _reads("sv=&iv=0&byv=", sv="", iv="0", byv=""),
    _reads("name=a+b%2Bc+", name="a b+c "),
    _reads("n%61me=+", name=" "),
    _reads("name=%2B%26%3D%25%23", name="+&=%#"),
    _reads("n%61me=a", name="a"),
    _reads("&name=a&&i32=1&", name="a", i32=1),
    _reads("name=a?b/c", name="a?b/c"),
]

REFUSED = [
    _refuses("b=1", "b"),
    _refuses("b=True", "b"),
    _refuses("b=", "b"),
    _refuses("i32=1.5", "i32"),
    _refuses("i32=", "i32"),
    _refuses("i32=%201", "i32"),
    _refuses("i32=2147483648", "i32"),
    _refuses("u32=-1", "u32"),
    _refuses("i64=9223372036854775808", "i64"),
    _refuses("u64=18446744073709551616", "u64"),
    _refuses("i32=%D9%A1", "i32"),
    _refuses("by=a", "by"),
    _refuses("by=!!!!", "by"),
    _refuses("color=NOPE", "color"),
    _refuses("ri=1&ri=x", "ri[1]"),
    _refuses("ts=2020-01-02", "ts"),
    _refuses("dur=1", "dur"),
    _refuses("sub=a", "sub"),
    _refuses("subs=a", "subs"),
    _refuses("subs.s=a", "subs.s"),
    _refuses("m=a", "m"),
    _refuses("m.a=b", "m.a"),
    _refuses("st=%7B%7D", "st"),
    _refuses("st.a=1", "st.a"),
    _refuses("any=a", "any"),
    _refuses("sv.value=a", "sv.value"),
    _refuses("oa=1&ob=2", "ob"),
    _refuses("sub.nope=1", "sub.nope"),
    _refuses("name=%zz", "name"),
    _refuses("name=%ff", "name"),
    _refuses("name=a&name=a", "name"),
    _refuses("i32=x&nope=1&b=2", "b", "i32", "nope"),
]
