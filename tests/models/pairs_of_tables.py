"""Pairs of model files that differ in data of pandas, xarray, SciPy and the like."""

from typing import Dict, Tuple

from tests.models.pairs import DT, PD, SP, XR, Files, observed

#: Two models each, whose digests differ.
DIFFER: Dict[str, Tuple[Files, Files]] = {
    "series dt": observed("pd.Series(pd.to_datetime(['2020-01-01']))","pd.Series(pd.to_datetime(['2020-01-02']))",PD),
    "series tz": observed("pd.Series(pd.to_datetime(['2020-01-01'])).dt.tz_localize('Europe/Berlin')","pd.Series(pd.to_datetime(['2020-01-01'])).dt.tz_localize('US/Eastern')",PD),
    "series td": observed("pd.Series(pd.to_timedelta(['1d']))","pd.Series(pd.to_timedelta(['2d']))",PD),
    "string dtype": observed("pd.Series(['a', None], dtype='string')","pd.Series(['a', 'b'], dtype='string')",PD),
    "boolean dtype": observed("pd.Series([True, None], dtype='boolean')","pd.Series([True, False], dtype='boolean')",PD),
    "sparse dtype": observed("pd.Series([0.0, 1.0], dtype='Sparse[float]')","pd.Series([0.0, 2.0], dtype='Sparse[float]')",PD),
    "interval idx": observed("pd.Series([1], index=pd.IntervalIndex.from_breaks([0, 1]))","pd.Series([1], index=pd.IntervalIndex.from_breaks([0, 2]))",PD),
    "period idx": observed("pd.Series([1], index=pd.period_range('2020', periods=1, freq='M'))","pd.Series([1], index=pd.period_range('2021', periods=1, freq='M'))",PD),
    "multi columns": observed("pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([('a', 'b')]))","pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([('a', 'c')]))",PD),
    "index name": observed("pd.DataFrame({'a': [1]}, index=pd.Index([0], name='i'))","pd.DataFrame({'a': [1]}, index=pd.Index([0], name='j'))",PD),
    "empty frames": observed("pd.DataFrame({'a': []})","pd.DataFrame({'b': []})",PD),
    "dup columns": observed("pd.DataFrame([[1, 2]], columns=['a', 'a'])","pd.DataFrame([[1, 3]], columns=['a', 'a'])",PD),
    "interval cut": observed("pd.cut([1, 2, 3], 2)","pd.cut([1, 2, 4], 2)",PD),
    "cat of ints": observed("pd.Series([1, 2], dtype='category')","pd.Series([1, 3], dtype='category')",PD),
    "groupby codes": observed("pd.factorize(np.array(['a', 'b'], object))","pd.factorize(np.array(['b', 'b'], object))",PD),
    "int32 series": observed("pd.Series([1], dtype='int32')","pd.Series([1], dtype='int64')",PD),
    "text or missing": observed("pd.Series([None, 'a'])","pd.Series(['None', 'a'])",PD),
    "xr time": observed("xr.DataArray([1.0], {'t': np.array(['2020-01-01'], 'M8[ns]')}, 't')","xr.DataArray([1.0], {'t': np.array(['2021-01-01'], 'M8[ns]')}, 't')",XR),
    "xr attrs": observed("xr.DataArray([1.0], attrs={'a': 1})","xr.DataArray([1.0], attrs={'a': 2})",XR),
    "xr strings": observed("xr.DataArray([1.0], {'t': ['a']}, 't')","xr.DataArray([1.0], {'t': ['b']}, 't')",XR),
    "sparse fmt": observed("sp.csr_matrix([[1]])","sp.csc_matrix([[1]])",SP),
    "sparse coo": observed("sp.coo_matrix([[1, 2]])","sp.coo_matrix([[2, 1]])",SP),
    "sparse dia": observed("sp.diags([1.0, 2.0])","sp.diags([1.0, 3.0])",SP),
    "lil": observed("sp.lil_matrix([[1, 0]])","sp.lil_matrix([[0, 1]])",SP),
    "patsy": observed("patsy.dmatrix('x', {'x': [1, 2]})","patsy.dmatrix('x', {'x': [1, 3]})","import patsy"),
    "datetime list": observed("[dt.datetime(2020,1,1), None]","[dt.datetime(2020,1,2), None]",DT),
    "nested tuple data": observed("(1, (2, {'a': np.float32(1)}))","(1, (2, {'a': np.float32(2)}))"),
    "zoneinfo": observed("dateutil.tz.gettz('Europe/Berlin')","dateutil.tz.gettz('US/Eastern')","import dateutil.tz"),
    "tz pd": observed("pd.Timestamp('2020', tz='Europe/Berlin')","pd.Timestamp('2020', tz='US/Eastern')",PD),
}  # fmt: skip
